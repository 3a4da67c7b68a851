import { parentPort } from 'node:worker_threads'
import { fileWriter } from 'hyparquet-writer'
import { ParquetFile } from './parquet-file.ts'
import type { Answer, Asked } from './parquet-thread.ts'

/** Writes the files that a ParquetThread is asked for, one after another. */
let file: ParquetFile | undefined
let last: Promise<void> = Promise.resolve()

async function work(asked: Asked): Promise<void> {
  if (asked.kind === 'open') file = new ParquetFile(fileWriter(asked.path), asked.archive)
  else if (asked.kind === 'close') await file?.close()
  else {
    const rows = asked.rows.map(({ embedding, ...row }) => ({
      ...row,
      embedding: Array.from(embedding),
    }))
    await file?.write(rows)
  }
}

parentPort!.on('message', (asked: Asked) => {
  last = last.then(async () => {
    const answer: Answer = await work(asked).then(
      () => ({}),
      (error: Error) => ({ failed: error.message }),
    )
    parentPort!.postMessage(answer)
  })
})
