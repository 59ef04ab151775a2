"""The national gateway: clients that speak the `infno` envelope over HTTP.

Reading: `envelope` (the outer document), `inputs` (which node of which transaction carries which
of our fields), `reading` (a document to a body of ours). Writing: `outputs`. In between `calls`
asks the network through whatever host it is given. `guards` keeps strangers and floods out,
`server` is the HTTP edge and the only module that needs aiohttp, `openapi` describes it all.
"""
