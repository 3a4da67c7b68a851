import createClient from 'openapi-fetch'
import type { paths } from './knowledge-api.ts'

const api = createClient<paths>({
  baseUrl: process.env.KNOWLEDGE_API ?? 'http://127.0.0.1:8003',
  headers: { authorization: `Bearer ${process.env.TOKEN}` },
})

const put = await api.PUT('/api/v1/creators/{creator}/documents/{document}', {
  params: { path: { creator: 'ada', document: 'welcome' } },
  body: { text: 'Ada writes about engines that weave numbers.', metadata: { year: 1843 } },
})
if (put.error) throw new Error(put.error.detail)

const found = await api.POST('/api/v1/creators/{creator}/query', {
  params: { path: { creator: 'ada' } },
  body: { text: 'Who writes about engines?', filter: { year: { $lt: 1900 } }, count: 3 },
})
if (found.error) throw new Error(found.error.detail)
for (const { document, distance, text } of found.data.hits) console.log(document, distance, text)
