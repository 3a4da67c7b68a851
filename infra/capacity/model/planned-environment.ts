import type { Generation } from '../../settings/ollama-version.ts'
import type { KvCacheType } from '../../settings/settings-schema.ts'
import { MiB } from '../../units.ts'

/**
 * Each batch brings masks of up to some 100 MiB, which Ollama's runner frees again: glibc would keep freed
 * blocks in the arenas of its threads (a fixed threshold makes it give large ones back), and Go would let
 * garbage double its heap. Without these a runner was seen to hold up to 8 times the masks' size, and 15 % more
 * or less from run to run; with them 3 times, and 1 %.
 */
const STEADY_MEMORY = { MALLOC_MMAP_THRESHOLD_: String(1 * MiB), GOGC: '25' }

/**
 * States of a conversation in a model with sliding windows that llama.cpp's server keeps for each of the requests at
 * the same time, to go on from when the next prompt begins like one before. By itself it keeps 32, which grow beside
 * all that is planned.
 */
export const CONTEXT_CHECKPOINTS = 4

/**
 * From 0.30 on the environment reaches llama.cpp's server. By itself that keeps up to 8 GiB of the prompts it has seen,
 * which no plan could have room for: a container at its limit was killed at the seventh long prompt.
 */
const OF_LLAMA_SERVER = {
  LLAMA_ARG_CACHE_RAM: '0',
  LLAMA_ARG_CTX_CHECKPOINTS: String(CONTEXT_CHECKPOINTS),
}

/** The environment of an Ollama that its memory is planned for: every target starts it with this. */
export function plannedEnvironment(planned: {
  generation: Generation
  contextLength: number
  parallel: number
  kvCache: KvCacheType
}): Record<string, string> {
  return {
    // Ollama's own default depends on the memory it finds.
    OLLAMA_CONTEXT_LENGTH: String(planned.contextLength),
    OLLAMA_NUM_PARALLEL: String(planned.parallel),
    OLLAMA_KV_CACHE_TYPE: planned.kvCache,
    // A quantized cache needs flash attention.
    ...(planned.kvCache === 'f16' ? {} : { OLLAMA_FLASH_ATTENTION: '1' }),
    ...STEADY_MEMORY,
    ...(planned.generation === 'spawning' ? OF_LLAMA_SERVER : {}),
  }
}
