import createClient from 'openapi-fetch'
import type { paths } from './knowledge-api.ts'

const baseUrl = process.env.KNOWLEDGE_API ?? 'http://127.0.0.1:8003'
const headers = { authorization: `Bearer ${process.env.TOKEN}` }
const api = createClient<paths>({ baseUrl, headers })

await api.PUT('/api/v1/creators/{creator}/documents/{document}', {
  params: { path: { creator: 'ada', document: 'welcome' } },
  body: { text: 'Ada writes about engines that weave numbers.' },
})
const { data, error } = await api.POST('/api/v1/creators/{creator}/query', {
  params: { path: { creator: 'ada' } },
  body: { text: 'Who writes about engines?', count: 3 },
})
if (error) throw new Error(error.detail)
for (const { document, distance, text } of data.hits) console.log(document, distance, text)
