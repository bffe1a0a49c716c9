/**
 * Stands in for the compiled part of Lambda's runtime client, which would need a compiler to install: the same three calls,
 * over the Runtime API's HTTP. Loaded with --require before the client.
 */
'use strict'

const { Agent, request } = require('node:http')
const Module = require('node:module')

const agent = new Agent({ keepAlive: true, maxSockets: 1 })
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':')

function post(path, body, headers) {
  const bytes = Buffer.from(body)
  const outgoing = request({
    agent,
    host,
    port,
    method: 'POST',
    path: `/2018-06-01/runtime/invocation/${path}`,
    headers: { 'content-type': 'application/json', 'content-length': bytes.length, ...headers },
  })
  outgoing.on('response', (response) => response.resume())
  // Without its platform an environment has no reason to live.
  outgoing.on('error', () => process.exit(1))
  outgoing.end(bytes)
}

const client = {
  next() {
    throw new Error('the next invocation is asked for over http')
  },
  done(requestId, body) {
    post(`${requestId}/response`, body, {})
  },
  error(requestId, body) {
    post(`${requestId}/error`, body, { 'lambda-runtime-function-error-type': 'Unhandled' })
  },
}

const load = Module._load
Module._load = function (name, ...rest) {
  return name === './rapid-client.node' ? client : load.call(this, name, ...rest)
}
