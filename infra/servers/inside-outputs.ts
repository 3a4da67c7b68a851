import type { Endpoint, Outputs } from '../outputs.ts'

/** The outputs as those within the deployment's own network see them: every server straight at its URL. */
export const insideOutputs = ({ chroma, ollama, api, ...rest }: Outputs): Outputs => ({
  ...rest,
  chroma: { ...chroma, instances: mapFirst(chroma.instances, inside) },
  ollama: mapFirst(ollama, inside),
  ...(api && { api: inside(api) }),
})

const inside = <Server extends { reach: Endpoint }>(server: Server): Server => {
  const { url, token } = server.reach
  return { ...server, reach: { kind: 'direct', url, ...(token !== undefined && { token }) } }
}

const mapFirst = <Item>([first, ...others]: [Item, ...Item[]], map: (item: Item) => Item) =>
  [map(first), ...others.map(map)] as [Item, ...Item[]]
