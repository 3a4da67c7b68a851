import type { Check } from './check.ts'
import chromaRoundTrip from './data/chroma-round-trip.ts'
import chunksFound from './data/chunks-found.ts'
import nothingLeft from './data/nothing-left.ts'
import recordsPlaced from './data/records-placed.ts'
import shardRoundTrip from './data/shard-round-trip.ts'
import shardSettings from './data/shard-settings.ts'
import collectionReach from './data/vectors-reachable.ts'
import embeddingMeaning from './embeddings/embedding-meaning.ts'
import embeddingRepeatable from './embeddings/embedding-repeatable.ts'
import embeddingVectors from './embeddings/embedding-vectors.ts'
import embeddingWhole from './embeddings/embedding-whole.ts'
import creatorsApart from './isolation/creators-apart.ts'
import filtersApplied from './isolation/filters-applied.ts'
import chatAnswers from './models/chat-answers.ts'
import modelsIntact from './models/models-intact.ts'
import modelsPlanned from './models/models-planned.ts'
import modelsPresent from './models/models-present.ts'
import apiAnswers from './servers/api-answers.ts'
import chromaAnswers from './servers/chroma-answers.ts'
import chromaConfiguration from './servers/chroma-configuration.ts'
import chromaRoom from './servers/chroma-room.ts'
import ollamaAnswers from './servers/ollama-answers.ts'
import ollamaVersion from './servers/ollama-version.ts'
import routesClosed from './servers/routes-closed.ts'

/** Every check, in the order in which they are made. The API may still be starting; cleaning up comes last. */
export const ALL: readonly Check[] = [
  chromaAnswers,
  ollamaAnswers,
  ollamaVersion,
  routesClosed,
  modelsPresent,
  modelsIntact,
  modelsPlanned,
  embeddingVectors,
  embeddingRepeatable,
  embeddingMeaning,
  embeddingWhole,
  chatAnswers,
  chromaConfiguration,
  chromaRoom,
  shardSettings,
  chromaRoundTrip,
  shardRoundTrip,
  creatorsApart,
  filtersApplied,
  recordsPlaced,
  chunksFound,
  collectionReach,
  apiAnswers,
  nothingLeft,
]
