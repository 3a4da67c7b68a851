import os
from knowledge_stack_client import AuthenticatedClient
from knowledge_stack_client.api.creators import put_document, query
from knowledge_stack_client.models import NewText, Problem, TextQuestion

url = os.environ.get("KNOWLEDGE_API", "http://127.0.0.1:8003")
api = AuthenticatedClient(base_url=url, token=os.environ["TOKEN"])

text = NewText(text="Ada writes about engines that weave numbers.")
put_document.sync("ada", "welcome", client=api, body=text)
question = TextQuestion(text="Who writes about engines?", count=3)
found = query.sync("ada", client=api, body=question)
if isinstance(found, Problem):
    raise SystemExit(found.detail)
for hit in found.hits:
    print(hit.document, hit.distance, hit.text)
