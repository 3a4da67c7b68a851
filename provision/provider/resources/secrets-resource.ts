import type { MadeSecrets, SecretFiles } from '../../../infra/resources.ts'
import { keepSecrets } from '../../stack-secrets.ts'
import type { ResourceKind } from './resource-kind.ts'

interface SecretsArgs {
  files: SecretFiles
}
type SecretsState = SecretsArgs & MadeSecrets

/** The secrets that a stack makes for itself. They outlive it in their files, as its data does. */
export const secretsKind: ResourceKind<SecretsArgs, SecretsState> = {
  results: ['tokens', 'apiKeys', 'monitorToken'],

  create: async args => ({ ...args, ...(await keepSecrets(args.files)) }),
  read: async state => ({ ...state, ...(await keepSecrets(state.files, state)) }),
  update: async (state, args) => ({ ...args, ...(await keepSecrets(args.files, state)) }),
}
