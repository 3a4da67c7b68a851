import apiAnswers from './api-answers.ts'
import chatAnswers from './chat-answers.ts'
import type { Check } from './check.ts'
import chromaAnswers from './chroma-answers.ts'
import chromaConfiguration from './chroma-configuration.ts'
import chromaRoom from './chroma-room.ts'
import chromaRoundTrip from './chroma-round-trip.ts'
import collectionReach from './collection-reach.ts'
import creatorsApart from './creators-apart.ts'
import embeddingMeaning from './embedding-meaning.ts'
import embeddingRepeatable from './embedding-repeatable.ts'
import embeddingVectors from './embedding-vectors.ts'
import embeddingWhole from './embedding-whole.ts'
import filtersApplied from './filters-applied.ts'
import modelsIntact from './models-intact.ts'
import modelsPlanned from './models-planned.ts'
import modelsPresent from './models-present.ts'
import nothingLeft from './nothing-left.ts'
import ollamaAnswers from './ollama-answers.ts'
import recordsPlaced from './records-placed.ts'
import routesClosed from './routes-closed.ts'
import shardRoundTrip from './shard-round-trip.ts'
import shardSettings from './shard-settings.ts'

/** Every check, in the order in which they are made. The API may still be starting; cleaning up comes last. */
export const ALL: readonly Check[] = [
  chromaAnswers,
  ollamaAnswers,
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
  collectionReach,
  apiAnswers,
  nothingLeft,
]
