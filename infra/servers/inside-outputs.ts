import type { Endpoint, Outputs } from '../outputs.ts'

/** The outputs as those within the deployment's own network see them: every server straight at its URL. */
export const insideOutputs = ({ chroma, ollama, api, ...rest }: Outputs): Outputs => ({
  ...rest,
  chroma: { ...chroma, instances: mapFirst(chroma.instances, server => directly(server)) },
  ollama: mapFirst(ollama, server => directly(server)),
  ...(api && { api: directly(api) }),
})

/** A server of the outputs, straight at a URL with the same token. */
export function directly<Server extends { reach: Endpoint }>(
  server: Server,
  url = server.reach.url,
): Server {
  const { token } = server.reach
  return { ...server, reach: { kind: 'direct', url, ...(token !== undefined && { token }) } }
}

export const mapFirst = <Item>(
  [first, ...others]: [Item, ...Item[]],
  map: (item: Item, index: number) => Item,
) => [map(first, 0), ...others.map((item, index) => map(item, index + 1))] as [Item, ...Item[]]
