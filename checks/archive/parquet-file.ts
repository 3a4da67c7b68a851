import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { ParquetWriter } from 'hyparquet-writer'
import { Failure } from '../../infra/failure.ts'
import { ArchivedRow, columnsOf, SCHEMA } from './archived-row.ts'

type Writer = ConstructorParameters<typeof ParquetWriter>[0]['writer']

/** Rows that are encoded at once, and read at once: some 15 MB with vectors of 768 numbers. */
const ROW_GROUP = 1000
/** Of each column in a row group: where pages would end is asked for every number otherwise. */
const ONE_PAGE = 0
/** In a file's own metadata: which archive it is of. */
const ARCHIVE_KEY = 'knowledge-stack archive'

/** Writes rows to a Parquet file, with memory for one row group. Encoding keeps a processor busy: see ParquetThread. */
export class ParquetFile {
  readonly #writer: ParquetWriter
  readonly #rowGroup: number
  #waiting: ArchivedRow[] = []

  /**
   * @param writer takes its bytes
   * @param archive its id
   * @param rowGroup rows that are encoded at once
   */
  constructor(writer: Writer, archive: string, rowGroup = ROW_GROUP) {
    this.#rowGroup = rowGroup
    this.#writer = new ParquetWriter({
      writer,
      schema: SCHEMA,
      kvMetadata: [{ key: ARCHIVE_KEY, value: archive }],
      createdBy: 'knowledge-stack',
    })
  }

  async write(rows: readonly ArchivedRow[]): Promise<void> {
    this.#waiting.push(...rows)
    while (this.#waiting.length >= this.#rowGroup) {
      await this.#encode(this.#waiting.splice(0, this.#rowGroup))
    }
  }

  async close(): Promise<void> {
    if (this.#waiting.length > 0) await this.#encode(this.#waiting.splice(0))
    await this.#writer.finish()
  }

  async #encode(rows: readonly ArchivedRow[]): Promise<void> {
    const columnData = columnsOf(rows)
    await this.#writer.write({ columnData, rowGroupSize: this.#rowGroup, pageSize: ONE_PAGE })
  }
}

/**
 * The rows of a file, some at a time.
 * @throws Failure `misused` for a file of another archive, or with other columns
 */
export async function* rowsOf(path: string, archive: string): AsyncGenerator<ArchivedRow[]> {
  const file = await asyncBufferFromFile(path)
  const metadata = await parquetMetadataAsync(file)
  const of = metadata.key_value_metadata?.find(({ key }) => key === ARCHIVE_KEY)?.value
  if (of !== archive) throw foreign(path, `it is of the archive ${of ?? 'of nobody'}`)
  let start = 0
  for (const { num_rows } of metadata.row_groups) {
    const end = start + Number(num_rows)
    const rows = await parquetReadObjects({ file, metadata, rowStart: start, rowEnd: end })
    const parsed = rows.map(row => ArchivedRow.safeParse(row))
    const wrong = parsed.find(({ success }) => !success)
    if (wrong !== undefined) throw foreign(path, String(wrong.error?.issues[0]?.message))
    yield parsed.map(({ data }) => data!)
    start = end
  }
}

const foreign = (path: string, why: string) =>
  new Failure('misused', `${path} is not a file of this archive: ${why}`, {
    mend: 'take it from the backup once more',
  })
