import { open } from 'node:fs/promises'
import {
  type Blank,
  count,
  type Figure,
  flag,
  ggufHead,
  real,
  text,
  under,
} from '../../support/models/gguf.ts'
import { BLOCKS, type BlockType, blank as blankOf } from '../capacity/shapes.ts'
import type { RealShape } from './real-shapes.ts'

/** What the tokenizer knows takes no part in any buffer. */
const NO_TOKENIZER = { 'tokenizer.ggml.model': text('none') }

/**
 * Writes the GGUF file of a model without its weights: the head, and a hole as long as they are. It takes a few blocks
 * of a disk, and is all that loading without allocating looks at; loaded, it is a model of zeros.
 * @param tokenizer figures of one, where the model is to be run
 */
export async function writeHeadOnly(
  path: string,
  shape: RealShape,
  tokenizer: Record<string, Figure> = NO_TOKENIZER,
): Promise<void> {
  const { head, fileBytes } = ggufHead({ ...figures(shape), ...tokenizer }, tensors(shape))
  const file = await open(path, 'w')
  try {
    await file.write(head)
    await file.truncate(fileBytes)
  } finally {
    await file.close()
  }
}

/** Rows that no block divides are kept in half precision, as quantizers do. */
const blank = (name: string, type: BlockType, ...shape: number[]): Blank =>
  blankOf(name, shape[0]! % BLOCKS[type][0] === 0 ? type : 'F16', ...shape)

function tensors(shape: RealShape): Blank[] {
  const { layers, embedding, vocabulary, family } = shape
  const [, tokens] = shape.types
  const vector = (name: string, size = embedding) => blank(name, 'F32', size)
  const bert = family.endsWith('bert')
  return [
    blank('token_embd.weight', tokens, embedding, vocabulary),
    ...(bert
      ? [
          blank('token_types.weight', 'F32', embedding, 2),
          vector('token_embd_norm.weight'),
          vector('token_embd_norm.bias'),
          ...(family === 'bert'
            ? [blank('position_embd.weight', 'F32', embedding, shape.trained)]
            : []),
        ]
      : [vector('output_norm.weight')]),
    ...(shape.untied ? [blank('output.weight', tokens, embedding, vocabulary)] : []),
    ...Array.from({ length: layers }, (_, layer) =>
      bert ? encoderLayer(`blk.${layer}`, shape) : decoderLayer(`blk.${layer}`, layer, shape),
    ).flat(),
  ]
}

function encoderLayer(at: string, { embedding, feedForward, family, types }: RealShape): Blank[] {
  const [type] = types
  const biased = family === 'bert'
  const matrix = (name: string, from: number, to: number) => [
    blank(`${at}.${name}.weight`, type, from, to),
    ...(biased ? [blank(`${at}.${name}.bias`, 'F32', to)] : []),
  ]
  const norm = (name: string) => [
    blank(`${at}.${name}.weight`, 'F32', embedding),
    blank(`${at}.${name}.bias`, 'F32', embedding),
  ]
  return [
    ...(biased
      ? ['attn_q', 'attn_k', 'attn_v'].flatMap(name => matrix(name, embedding, embedding))
      : matrix('attn_qkv', embedding, 3 * embedding)),
    ...matrix('attn_output', embedding, embedding),
    ...norm('attn_output_norm'),
    ...(biased ? [] : matrix('ffn_gate', embedding, feedForward)),
    ...matrix('ffn_up', embedding, feedForward),
    ...matrix('ffn_down', feedForward, embedding),
    ...norm('layer_output_norm'),
  ]
}

function decoderLayer(at: string, layer: number, shape: RealShape): Blank[] {
  const { embedding, heads, kvHeads, headLength, family, types } = shape
  const [type] = types
  const matrix = (name: string, from: number, to: number, ...more: number[]) =>
    blank(`${at}.${name}.weight`, type, from, to, ...more)
  const vector = (name: string, size = embedding) => blank(`${at}.${name}`, 'F32', size)
  const isGemma = family.startsWith('gemma')
  const isGptOss = family === 'gpt-oss'
  const biased = family === 'qwen2' || isGptOss
  const query = heads * headLength
  const keys = kvHeads * headLength
  const attention = shape.latent
    ? latentAttention(at, shape, shape.latent)
    : family === 'phi3'
      ? [matrix('attn_qkv', embedding, query + 2 * keys), matrix('attn_output', query, embedding)]
      : [
          matrix('attn_q', embedding, query),
          matrix('attn_k', embedding, keys),
          matrix('attn_v', embedding, keys),
          matrix('attn_output', query, embedding),
          ...(biased
            ? [
                vector('attn_q.bias', query),
                vector('attn_k.bias', keys),
                vector('attn_v.bias', keys),
              ]
            : []),
        ]
  return [
    vector('attn_norm.weight'),
    ...attention,
    ...(family.startsWith('qwen3') || family === 'gemma3' || family === 'gemma-embedding'
      ? [vector('attn_q_norm.weight', headLength), vector('attn_k_norm.weight', headLength)]
      : []),
    ...(isGemma ? [vector('post_attention_norm.weight'), vector('post_ffw_norm.weight')] : []),
    ...(isGptOss
      ? [
          vector('post_attention_norm.weight'),
          vector('attn_sinks.weight', heads),
          vector('attn_output.bias'),
        ]
      : [vector('ffn_norm.weight')]),
    ...(shape.experts === undefined || layer < (shape.experts.dense ?? 0)
      ? feedForward(at, shape)
      : mixture(at, shape, shape.experts)),
  ]
}

function latentAttention(
  at: string,
  { embedding, heads, types: [type] }: RealShape,
  { query, keyValue, rope, nope, value }: NonNullable<RealShape['latent']>,
): Blank[] {
  const matrix = (name: string, ...sizes: number[]) => blank(`${at}.${name}.weight`, type, ...sizes)
  const vector = (name: string, size: number) => blank(`${at}.${name}.weight`, 'F32', size)
  const head = nope + rope
  return [
    ...(query === undefined
      ? [matrix('attn_q', embedding, heads * head)]
      : [
          matrix('attn_q_a', embedding, query),
          vector('attn_q_a_norm', query),
          matrix('attn_q_b', query, heads * head),
        ]),
    matrix('attn_kv_a_mqa', embedding, keyValue + rope),
    vector('attn_kv_a_norm', keyValue),
    matrix('attn_k_b', nope, keyValue, heads),
    matrix('attn_v_b', keyValue, value, heads),
    matrix('attn_output', heads * value, embedding),
  ]
}

function feedForward(at: string, { embedding, feedForward, family, types: [type] }: RealShape) {
  const matrix = (name: string, from: number, to: number) =>
    blank(`${at}.${name}.weight`, type, from, to)
  if (family === 'phi3') {
    return [
      matrix('ffn_up', embedding, 2 * feedForward),
      matrix('ffn_down', feedForward, embedding),
    ]
  }
  return [
    matrix('ffn_gate', embedding, feedForward),
    matrix('ffn_up', embedding, feedForward),
    matrix('ffn_down', feedForward, embedding),
  ]
}

function mixture(
  at: string,
  { embedding, family, types: [type] }: RealShape,
  { count: experts, feedForward, shared = 0 }: NonNullable<RealShape['experts']>,
): Blank[] {
  const biased = family === 'gpt-oss'
  const expert = (name: string, from: number, to: number) => [
    blank(`${at}.${name}.weight`, biased ? 'MXFP4' : type, from, to, experts),
    ...(biased ? [blank(`${at}.${name}.bias`, 'F32', to, experts)] : []),
  ]
  const width = feedForward * shared
  return [
    blank(`${at}.ffn_gate_inp.weight`, 'F32', embedding, experts),
    ...(biased ? [blank(`${at}.ffn_gate_inp.bias`, 'F32', experts)] : []),
    ...expert('ffn_gate_exps', embedding, feedForward),
    ...expert('ffn_up_exps', embedding, feedForward),
    ...expert('ffn_down_exps', feedForward, embedding),
    ...(shared > 0
      ? [
          blank(`${at}.ffn_gate_shexp.weight`, type, embedding, width),
          blank(`${at}.ffn_up_shexp.weight`, type, embedding, width),
          blank(`${at}.ffn_down_shexp.weight`, type, width, embedding),
        ]
      : []),
  ]
}

function figures(shape: RealShape): Record<string, Figure> {
  const { family, latent, experts } = shape
  const bert = family.endsWith('bert')
  return {
    'general.architecture': text(family),
    ...(bert && { 'tokenizer.ggml.token_type_count': count(2) }),
    ...under(family, {
      vocab_size: count(shape.vocabulary),
      block_count: count(shape.layers),
      context_length: count(shape.trained),
      embedding_length: count(shape.embedding),
      feed_forward_length: count(shape.feedForward),
      'attention.head_count': count(shape.heads),
      'rope.freq_base': real(10_000),
      ...(bert
        ? { 'attention.layer_norm_epsilon': real(1e-12), 'attention.causal': flag(false) }
        : {
            'attention.layer_norm_rms_epsilon': real(1e-5),
            'attention.head_count_kv': count(latent ? 1 : shape.kvHeads),
            'attention.key_length': count(
              latent ? latent.keyValue + latent.rope : shape.headLength,
            ),
            'attention.value_length': count(latent ? latent.keyValue : shape.headLength),
            'rope.dimension_count': count(latent?.rope ?? shape.headLength),
          }),
      ...(latent && {
        'attention.key_length_mla': count(latent.nope + latent.rope),
        'attention.value_length_mla': count(latent.value),
        'attention.kv_lora_rank': count(latent.keyValue),
        ...(latent.query && { 'attention.q_lora_rank': count(latent.query) }),
      }),
      ...(shape.pooling && { pooling_type: count(shape.pooling) }),
      ...(shape.window && { 'attention.sliding_window': count(shape.window) }),
      ...(experts && {
        expert_count: count(experts.count),
        expert_used_count: count(experts.used),
        expert_feed_forward_length: count(experts.feedForward),
        ...(experts.shared && { expert_shared_count: count(experts.shared) }),
        ...(experts.dense && { leading_dense_block_count: count(experts.dense) }),
      }),
    }),
  }
}
