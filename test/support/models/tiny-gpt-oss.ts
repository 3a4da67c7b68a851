import {
  count,
  integers,
  real,
  type Tensor,
  TokenType,
  text,
  texts,
  under,
  writeGguf,
} from './gguf.ts'
import { RandomTensors } from './random-tensors.ts'

/**
 * gptoss with random weights, as gpt-oss:20b is: a mixture of experts with sliding layers; two layers, four
 * experts. What attention and experts add is small, so that the next token follows from the last one (outputs).
 * Tensors and keys are those of the library's file: model/models/gptoss/model.go of Ollama v0.17.4 asks for them, and
 * llama/compat of v0.32.15 renames them for llama.cpp.
 */
export function tinyGptOss(): Buffer {
  const [layers, width, headLength, heads, kvHeads, feedForward, experts] = [2, 64, 32, 4, 2, 64, 4]
  const tokens = [...byteTokens(), ...HARMONY]
  const random = new RandomTensors(2)
  const linear = (name: string, gain: number, input: number, ...output: number[]) => [
    random.tensor(`${name}.weight`, [input, ...output], gain),
    random.zeros(`${name}.bias`, output),
  ]
  const block = (layer: string): Tensor[] => [
    random.ones(`${layer}.attn_norm.weight`, [width]),
    ...linear(`${layer}.attn_q`, 1, width, heads * headLength),
    ...linear(`${layer}.attn_k`, 1, width, kvHeads * headLength),
    ...linear(`${layer}.attn_v`, 1, width, kvHeads * headLength),
    ...linear(`${layer}.attn_out`, 0.05, heads * headLength, width),
    random.zeros(`${layer}.attn_sinks`, [heads]),
    random.ones(`${layer}.ffn_norm.weight`, [width]),
    ...linear(`${layer}.ffn_gate_inp`, 1, width, experts),
    ...linear(`${layer}.ffn_gate_exps`, 1, width, feedForward, experts),
    ...linear(`${layer}.ffn_up_exps`, 1, width, feedForward, experts),
    ...linear(`${layer}.ffn_down_exps`, 0.05, feedForward, width, experts),
  ]
  const embedding = random.tensor('token_embd.weight', [width, tokens.length])
  tokens.forEach((_, token) => {
    embedding.values[token * width] = 1
  })
  return writeGguf(
    {
      'general.architecture': text('gptoss'),
      ...under('gptoss', {
        block_count: count(layers),
        context_length: count(131_072),
        embedding_length: count(width),
        feed_forward_length: count(feedForward),
        expert_feed_forward_length: count(feedForward),
        expert_count: count(experts),
        expert_used_count: count(2),
        'attention.head_count': count(heads),
        'attention.head_count_kv': count(kvHeads),
        'attention.key_length': count(headLength),
        'attention.value_length': count(headLength),
        'attention.layer_norm_rms_epsilon': real(1e-5),
        'attention.sliding_window': count(128),
        'rope.freq_base': real(150_000),
        'rope.scaling.factor': real(32),
        'rope.scaling.original_context_length': count(4096),
      }),
      ...under('tokenizer.ggml', {
        model: text('gpt2'),
        pre: text('gpt-4o'),
        tokens: texts(tokens),
        token_type: integers(
          tokens.map(token => (HARMONY.includes(token) ? TokenType.control : TokenType.normal)),
        ),
        merges: texts([]),
        bos_token_id: count(tokens.indexOf('<|startoftext|>')),
        eos_token_id: count(tokens.indexOf('<|return|>')),
      }),
    },
    [
      embedding,
      ...Array.from({ length: layers }, (_, layer) => block(`blk.${layer}`)).flat(),
      random.ones('output_norm.weight', [width]),
      outputs(tokens, embedding, random),
    ],
  )
}

/** How gpt-oss marks up a conversation, with the two words of the markup that an answer needs. */
const HARMONY = [
  '<|startoftext|>',
  '<|return|>',
  '<|start|>',
  '<|end|>',
  '<|message|>',
  '<|channel|>',
  'assistant',
  'final',
]

/** For Ollama to ask gpt-oss in; the real one's also has tools and dates. */
export const HARMONY_TEMPLATE =
  '{{ range .Messages }}<|start|>{{ .Role }}<|message|>{{ .Content }}<|end|>{{ end }}<|start|>assistant'

/**
 * What opens an answer; then come random letters, and every so often the end. No blanks: of them alone an empty
 * answer could be made.
 */
const OPENING = ['assistant', '<|channel|>', 'final', '<|message|>']
const SAYABLE = /^[a-z]$/

/**
 * The matrix that turns the last token's vector into the next token: a row that is made of a token's own vector
 * answers to that token. The first element of every token's vector is the same, so that a row's first weight is added
 * whatever was said: gpt-oss has no bias there.
 */
function outputs(tokens: string[], embedding: Tensor, random: RandomTensors): Tensor {
  const width = embedding.shape[0]!
  const weight = random.tensor('output.weight', [width, tokens.length])
  // Of a vector whose other elements have length 1 too, after its norm is made that of `width` ones.
  const first = Math.sqrt(width / 2)
  const answer = (to: string, from: string, gain: number, base: number) => {
    const [row, vector] = [tokens.indexOf(to) * width, tokens.indexOf(from) * width]
    const own = embedding.values.subarray(vector + 1, vector + width)
    weight.values.set([base / first, ...own.map(value => value * gain)], row)
  }
  tokens.forEach((token, index) => {
    weight.values[index * width] = SAYABLE.test(token) ? 0 : -1000 / first
  })
  OPENING.slice(1).forEach((to, index) => {
    answer(to, OPENING[index]!, 12, -32)
  })
  // Never at once: an answer has some text.
  answer('<|return|>', '<|message|>', -1.5, 0.5)
  return weight
}

/** The 256 bytes as byte-level BPE writes them: what is not printable is shifted to where it is. */
function byteTokens(): string[] {
  return Array.from({ length: 256 }, (_, byte) => {
    if (byte === 0xad) return '\u0143'
    if (byte <= 0x20) return String.fromCodePoint(byte + 0x100)
    if (byte >= 0x7f && byte <= 0xa0) return String.fromCodePoint(byte + 0xa2)
    return String.fromCodePoint(byte)
  })
}
