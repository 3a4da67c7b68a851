import { providerFolder } from '../stack/providers.ts'
import { TestStack } from '../stack/test-stack.ts'

/** A stack of the kubernetes target on a cluster of the tests, driven through the real command line. */
export async function clusterStack(
  kubeconfig: string,
  settings: Record<string, unknown> = {},
): Promise<TestStack> {
  const stack = await TestStack.make({ target: 'kubernetes', ...settings })
  Object.assign(stack.env, {
    KUBECONFIG: kubeconfig,
    PATH: [providerFolder('kubernetes'), process.env.PATH].join(':'),
  })
  return stack
}
