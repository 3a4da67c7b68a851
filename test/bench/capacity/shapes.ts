import { GGMLQuantizationType } from '@huggingface/gguf'
import {
  type Blank,
  count,
  type Figure,
  flag,
  integers,
  real,
  TokenType,
  text,
  texts,
  under,
  writeGguf,
} from '../../support/models/gguf.ts'

/** A model of zeros in the shape of a real one, so large that weights, cache and compute buffers show. */
export interface ScaledShape {
  name: string
  family: 'llama' | 'gptoss' | 'gemma3' | 'qwen3' | 'nomic-bert'
  layers: number
  embedding: number
  feedForward: number
  heads: number
  kvHeads: number
  headLength: number
  vocabulary: number
  /** Rules of the tokenizer; they do nothing here but take memory. */
  merges: number
  type: BlockType
  untied?: boolean
  window?: number
  experts?: { count: number; used: number }
  fused?: boolean
}

/** Elements and bytes of a block. */
export const BLOCKS = {
  F16: [1, 2],
  Q8_0: [32, 34],
  Q4_0: [32, 18],
  Q4_K: [256, 144],
  Q6_K: [256, 210],
  MXFP4: [32, 17],
  F32: [1, 4],
} as const
export type BlockType = keyof typeof BLOCKS

const CONTEXT_LENGTH = 32_768

export function writeShape(shape: ScaledShape): Buffer {
  const tensors = shape.family === 'nomic-bert' ? encoderTensors(shape) : decoderTensors(shape)
  return writeGguf({ ...figures(shape), ...tokenizer(shape) }, tensors)
}

/** A tensor of zeros. */
export function blank(name: string, type: BlockType, ...shape: number[]): Blank {
  const [elements, bytes] = BLOCKS[type]
  const all = shape.reduce((product, size) => product * size, 1)
  return { name, shape, type: GGMLQuantizationType[type], bytes: (all / elements) * bytes }
}

function decoderTensors(shape: ScaledShape): Blank[] {
  const { embedding, heads, kvHeads, headLength, type } = shape
  const matrix = (name: string, ...sizes: number[]) => blank(`${name}.weight`, type, ...sizes)
  const norm = (name: string, size = embedding) => blank(`${name}.weight`, 'F32', size)
  const attention = (at: string) =>
    shape.fused
      ? [matrix(`${at}.attn_qkv`, embedding, (heads + 2 * kvHeads) * headLength)]
      : [
          matrix(`${at}.attn_q`, embedding, heads * headLength),
          matrix(`${at}.attn_k`, embedding, kvHeads * headLength),
          matrix(`${at}.attn_v`, embedding, kvHeads * headLength),
        ]
  const layer = (at: string): Blank[] => [
    norm(`${at}.attn_norm`),
    ...attention(at),
    ...(shape.family === 'gptoss'
      ? [
          matrix(`${at}.attn_out`, heads * headLength, embedding),
          blank(`${at}.attn_out.bias`, 'F32', embedding),
          blank(`${at}.attn_sinks`, 'F32', heads),
        ]
      : [matrix(`${at}.attn_output`, heads * headLength, embedding)]),
    ...(shape.family === 'gemma3' || shape.family === 'qwen3'
      ? [norm(`${at}.attn_q_norm`, headLength), norm(`${at}.attn_k_norm`, headLength)]
      : []),
    ...(shape.family === 'gemma3'
      ? [norm(`${at}.post_attention_norm`), norm(`${at}.post_ffw_norm`)]
      : []),
    norm(`${at}.ffn_norm`),
    ...feedForward(at, shape),
  ]
  return [
    matrix('token_embd', embedding, shape.vocabulary),
    ...Array.from({ length: shape.layers }, (_, index) => layer(`blk.${index}`)).flat(),
    norm('output_norm'),
    ...(shape.untied ? [matrix('output', embedding, shape.vocabulary)] : []),
  ]
}

function feedForward(
  at: string,
  { embedding, feedForward, experts, fused, type }: ScaledShape,
): Blank[] {
  if (experts === undefined) {
    return [
      blank(`${at}.ffn_gate.weight`, type, embedding, feedForward),
      blank(`${at}.ffn_up.weight`, type, embedding, feedForward),
      blank(`${at}.ffn_down.weight`, type, feedForward, embedding),
    ]
  }
  const expert = (name: string, from: number, to: number) => [
    blank(`${at}.${name}.weight`, 'MXFP4', from, to, experts.count),
    blank(`${at}.${name}.bias`, 'F32', to, experts.count),
  ]
  return [
    blank(`${at}.ffn_gate_inp.weight`, 'F32', embedding, experts.count),
    blank(`${at}.ffn_gate_inp.bias`, 'F32', experts.count),
    ...(fused
      ? expert('ffn_gate_up_exps', embedding, 2 * feedForward)
      : [
          ...expert('ffn_gate_exps', embedding, feedForward),
          ...expert('ffn_up_exps', embedding, feedForward),
        ]),
    ...expert('ffn_down_exps', feedForward, embedding),
  ]
}

function encoderTensors({
  embedding,
  feedForward,
  layers,
  vocabulary,
  type,
}: ScaledShape): Blank[] {
  const norm = (name: string) => [
    blank(`${name}.weight`, 'F32', embedding),
    blank(`${name}.bias`, 'F32', embedding),
  ]
  const layer = (at: string) => [
    blank(`${at}.attn_qkv.weight`, type, embedding, 3 * embedding),
    blank(`${at}.attn_output.weight`, type, embedding, embedding),
    ...norm(`${at}.attn_output_norm`),
    blank(`${at}.ffn_gate.weight`, type, embedding, feedForward),
    blank(`${at}.ffn_up.weight`, type, embedding, feedForward),
    blank(`${at}.ffn_down.weight`, type, feedForward, embedding),
    ...norm(`${at}.layer_output_norm`),
  ]
  return [
    blank('token_embd.weight', type, embedding, vocabulary),
    blank('token_types.weight', 'F32', embedding, 2),
    ...norm('token_embd_norm'),
    ...Array.from({ length: layers }, (_, index) => layer(`blk.${index}`)).flat(),
  ]
}

function figures(shape: ScaledShape): Record<string, Figure> {
  return {
    'general.architecture': text(shape.family),
    ...under(shape.family, {
      block_count: count(shape.layers),
      context_length: count(CONTEXT_LENGTH),
      embedding_length: count(shape.embedding),
      feed_forward_length: count(shape.feedForward),
      'attention.head_count': count(shape.heads),
      'rope.freq_base': real(10_000),
      ...(shape.family === 'nomic-bert'
        ? {
            'attention.layer_norm_epsilon': real(1e-12),
            'attention.causal': flag(false),
            pooling_type: count(1),
          }
        : {
            'attention.head_count_kv': count(shape.kvHeads),
            'attention.key_length': count(shape.headLength),
            'attention.value_length': count(shape.headLength),
            'attention.layer_norm_rms_epsilon': real(1e-5),
          }),
      ...(shape.family === 'llama' ? { 'rope.dimension_count': count(shape.headLength) } : {}),
      ...(shape.window ? { 'attention.sliding_window': count(shape.window) } : {}),
      ...(shape.experts
        ? {
            expert_count: count(shape.experts.count),
            expert_used_count: count(shape.experts.used),
            expert_feed_forward_length: count(shape.feedForward),
            'rope.scaling.factor': real(32),
            'rope.scaling.original_context_length': count(4096),
          }
        : {}),
    }),
  }
}

/** What a made-up tokenizer is made of. */
interface TokenizerShape {
  family: string
  vocabulary: number
  merges: number
}

/** A letter is a token, and so is a word of the encoder: a text's tokens can be counted before it is sent. */
export function tokenizer(shape: TokenizerShape): Record<string, Figure> {
  return under(
    'tokenizer.ggml',
    shape.family.endsWith('bert') ? wordPieces(shape) : bytePairs(shape),
  )
}

function wordPieces({ vocabulary }: TokenizerShape): Record<string, Figure> {
  return {
    model: text('bert'),
    token_type_count: count(2),
    ...tokens(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'], ['▁a', 'a'], vocabulary),
    padding_token_id: count(0),
    unknown_token_id: count(1),
    cls_token_id: count(2),
    separator_token_id: count(3),
  }
}

function bytePairs({ vocabulary, merges }: TokenizerShape): Record<string, Figure> {
  return {
    model: text('gpt2'),
    pre: text('gpt-2'),
    ...tokens(['<s>', '</s>'], letters(), vocabulary),
    merges: texts(Array.from({ length: merges }, (_, index) => `left${index} right${index}`)),
    bos_token_id: count(0),
    eos_token_id: count(1),
  }
}

function tokens(special: string[], known: string[], vocabulary: number): Record<string, Figure> {
  const used = special.length + known.length
  const filler = Array.from({ length: vocabulary - used }, (_, index) => `<filler-${index}>`)
  const type = (id: number) => (id < special.length ? TokenType.control : TokenType.normal)
  return {
    tokens: texts([...special, ...known, ...filler]),
    token_type: integers(Array.from({ length: vocabulary }, (_, id) => type(id))),
  }
}

/** The printable bytes, and the blank as byte-level BPE writes it. */
const letters = (): string[] => [
  ...Array.from({ length: 94 }, (_, index) => String.fromCodePoint(0x21 + index)),
  '\u0120',
]
