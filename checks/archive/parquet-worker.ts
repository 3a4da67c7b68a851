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
      embedding: listOf(embedding),
    }))
    await file?.write(rows)
  }
}

/** Array.from takes twenty times as long. */
function listOf(numbers: Float32Array): number[] {
  const list = new Array<number>(numbers.length)
  for (let index = 0; index < numbers.length; index += 1) list[index] = numbers[index]!
  return list
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
