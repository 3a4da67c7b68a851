export const README = 'README.txt'

/** For whoever finds an archive, and perhaps not this project. */
export function aboutArchive(isEncrypted: boolean): string {
  const opened = isEncrypted
    ? `Its files are encrypted with age (https://age-encryption.org). Whoever has the key opens one with

  age -d -i key.txt records-00000.parquet.age > records-00000.parquet
`
    : ''
  return `This folder is an archive of knowledge-stack: texts, metadata and vectors of creators.

manifest.json says what is in it, and was written last: without it the archive is not whole.
records-*.parquet have a row for each chunk of a text, documents one after another. Any tool opens them:

  duckdb -c "SELECT creator_id, count(*) FROM 'records-*.parquet' GROUP BY ALL"

${opened}
To put it back into a stack: npm run restore -- --from THIS_FOLDER${isEncrypted ? ' --identity key.txt' : ''}
`
}
