import { count, flag, integers, real, TokenType, text, texts, under, writeGguf } from './gguf.ts'
import { RandomTensors } from './random-tensors.ts'

/** Elements of each head. */
const HEAD = 64

/**
 * nomic-bert with random weights, as nomic-embed-text is: 768 dimensions or as many as are asked for, one layer. Tensors and keys are those
 * that model/models/nomicbert/model.go of Ollama v0.17.4 asks for.
 */
export function tinyNomicBert({ width = 768, context = 2048 } = {}): Buffer {
  const feedForward = 64
  const vocabulary = wordPieces()
  const random = new RandomTensors(1)
  const norm = (name: string) => [
    random.ones(`${name}.weight`, [width]),
    random.zeros(`${name}.bias`, [width]),
  ]
  return writeGguf(
    {
      'general.architecture': text('nomic-bert'),
      ...under('nomic-bert', {
        block_count: count(1),
        context_length: count(context),
        embedding_length: count(width),
        feed_forward_length: count(feedForward),
        'attention.head_count': count(width / HEAD),
        'attention.layer_norm_epsilon': real(1e-12),
        'attention.causal': flag(false),
        // Mean of all tokens.
        pooling_type: count(1),
        'rope.freq_base': real(1000),
      }),
      ...under('tokenizer.ggml', {
        model: text('bert'),
        token_type_count: count(2),
        tokens: texts(vocabulary),
        token_type: integers(
          vocabulary.map((_, id) =>
            id < SPECIAL_PIECES.length ? TokenType.control : TokenType.normal,
          ),
        ),
        padding_token_id: count(SPECIAL_PIECES.indexOf('[PAD]')),
        unknown_token_id: count(SPECIAL_PIECES.indexOf('[UNK]')),
        cls_token_id: count(SPECIAL_PIECES.indexOf('[CLS]')),
        separator_token_id: count(SPECIAL_PIECES.indexOf('[SEP]')),
      }),
    },
    [
      random.tensor('token_embd.weight', [width, vocabulary.length]),
      random.tensor('token_types.weight', [width, 2]),
      ...norm('token_embd_norm'),
      random.tensor('blk.0.attn_qkv.weight', [width, 3 * width]),
      random.tensor('blk.0.attn_output.weight', [width, width]),
      ...norm('blk.0.attn_output_norm'),
      random.tensor('blk.0.ffn_gate.weight', [width, feedForward]),
      random.tensor('blk.0.ffn_up.weight', [width, feedForward]),
      random.tensor('blk.0.ffn_down.weight', [feedForward, width]),
      ...norm('blk.0.layer_output_norm'),
    ],
  )
}

const SPECIAL_PIECES = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']

/**
 * Characters and pairs of letters, at the start of a word (▁) and within it: texts that share words share
 * pieces, so that even random weights put them nearer to each other.
 */
function wordPieces(): string[] {
  const letters = [...'abcdefghijklmnopqrstuvwxyz']
  const others = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:;!?\'"()-_']
  const pairs = letters.flatMap(first => letters.map(second => first + second))
  const pieces = [...letters, ...others, ...pairs]
  return [...SPECIAL_PIECES, ...pieces.map(piece => `▁${piece}`), ...pieces]
}
