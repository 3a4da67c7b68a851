/** A longer chunk says less about each of its sentences, whatever the model could take. */
const LONGEST_CHUNK = 2000
/** For the model's own marks at both ends, and then some. */
const TOKENS_KEPT_FREE = 16
const SMALLEST_CHUNK = 64

const sentences = new Intl.Segmenter('und', { granularity: 'sentence' })
const words = new Intl.Segmenter('und', { granularity: 'word' })

/**
 * Characters that a chunk may have. A token is at least one character for the tokenizers of embedding models
 * (WordPiece, SentencePiece), so as many characters as tokens always fit and nothing is cut off unseen.
 * @param contextLength tokens that the model takes
 */
export function chunkLength(contextLength: number, prefix: string): number {
  const room = contextLength - prefix.length - TOKENS_KEPT_FREE
  return Math.max(SMALLEST_CHUNK, Math.min(LONGEST_CHUNK, room))
}

/**
 * Cuts a text between sentences, inside of one only where it is longer than a chunk, and then between words.
 * Nothing is lost and nothing is said twice: the chunks joined are the text.
 * @param longest UTF-16 code units that a chunk has at most
 */
export function chunk(text: string, longest: number): string[] {
  const chunks: string[] = []
  let current = ''
  for (const piece of pieces(text, longest)) {
    if (current !== '' && current.length + piece.length > longest) {
      chunks.push(current)
      current = ''
    }
    current += piece
  }
  if (current !== '') chunks.push(current)
  return chunks
}

function* pieces(text: string, longest: number): Generator<string> {
  for (const { segment: sentence } of sentences.segment(text)) {
    if (sentence.length <= longest) {
      yield sentence
      continue
    }
    for (const { segment: word } of words.segment(sentence)) {
      if (word.length <= longest) yield word
      else yield* hardCut(word, longest)
    }
  }
}

/** A "word" longer than a chunk is no word. It is cut anywhere but inside a surrogate pair. */
function* hardCut(text: string, longest: number): Generator<string> {
  let start = 0
  while (start < text.length) {
    let end = Math.min(text.length, start + longest)
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end -= 1
    yield text.slice(start, end)
    start = end
  }
}

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff
