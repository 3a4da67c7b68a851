import { expect } from 'vitest'
import type { TestStack } from './test-stack.ts'

/**
 * Has a stack's data embedded by another model, which the settings define already: brought up beside that of the data, to
 * which it is moved then, and deployed and verified.
 * @param generation that the data is in afterwards
 */
export async function embedAnew(stack: TestStack, model: string, generation: number) {
  stack.config.embeddingModel = model
  const beside = await stack.json('up')
  expect({ code: beside.code, stderr: beside.stderr }).toMatchObject({ code: 0 })
  expect(beside.stderr).toContain('the data stays embedded by all-minilm:latest')
  const { code, document, stderr } = await stack.json('reshard')
  expect({ code, stderr }).toMatchObject({ code: 0 })
  expect(document).toMatchObject({
    generation,
    embeddingModel: `${model}:latest`,
    up: { verdict: 'passed', models: [{ name: `${model}:latest` }, { name: 'smollm2:135m' }] },
  })
  // Nothing asks for the model before any more, and its weights are still there.
  const pruned = await stack.json('models', '--prune', '--yes')
  expect({ code: pruned.code, document: pruned.document }).toMatchObject({
    code: 0,
    document: { pruned: expect.arrayContaining(['all-minilm:latest']), left: [] },
  })
  expect((await stack.json('models', '--prune')).document).toMatchObject({ pruned: [] })
}
