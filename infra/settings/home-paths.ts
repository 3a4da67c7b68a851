import { join } from 'node:path'

/** Where a stack's things lie on this machine, below its home folder. */
export function localPaths(home: string) {
  return {
    /** Chroma's data, one folder for each instance. */
    chroma: (index: number) => join(home, 'chroma', `${index}`),
    /** Chroma's configuration, one file for each instance. */
    chromaConfig: (index: number) => join(home, 'state', `chroma-${index}.yaml`),
    /** Ollama's models. */
    models: join(home, 'models'),
    logs: join(home, 'logs'),
    /** One record for each running process. */
    processes: join(home, 'processes'),
    /** What the project remembers: backend, passphrase, recorded model locks. */
    state: join(home, 'state'),
  }
}

/** The keys that tokens for the HTTP API are signed with. */
export const apiKeysOf = (home: string): string => join(localPaths(home).state, 'api-keys.json')

/** The tokens of the auth proxies, where there are any. */
export const tokensOf = (home: string): string => join(localPaths(home).state, 'tokens.json')

/** What is on its way to an archive, or from one: a folder that such a command empties. */
export const archiveScratchOf = (home: string): string => join(localPaths(home).state, 'archive')

/** The backups that came to their end. */
export const backupsRecordOf = (home: string): string =>
  join(localPaths(home).state, 'backups.json')

/** What was forgotten, in a file for each time. */
export const receiptsOf = (home: string): string => join(localPaths(home).state, 'receipts')

/** How the data is laid out. */
export const layoutRecordOf = (home: string): string => join(localPaths(home).state, 'layout.json')

/** Which version of a server the stack was deployed with. */
export const versionRecordOf = (home: string, server: 'chroma' | 'ollama'): string =>
  join(localPaths(home).state, `${server}.json`)

/** The upgrade that is under way. */
export const upgradeRecordOf = (home: string): string =>
  join(localPaths(home).state, 'upgrade.json')

/** The settings that it was last deployed with. */
export const deployedSettingsOf = (home: string): string =>
  join(localPaths(home).state, 'settings.json')

/** What the comparison of two versions of Ollama found. */
export const comparisonRecordOf = (home: string): string =>
  join(localPaths(home).state, 'compared.json')

/** What was read of the files of models that the settings only name. */
export const readModelsOf = (home: string): string =>
  join(localPaths(home).state, 'read-models.json')

/** The record of models that the tracked lock file does not know. */
export const lockRecordOf = (home: string): string =>
  join(localPaths(home).state, 'models.lock.json')
