/** Hands a request on to a server, and its answer back. */
import { type Agent, type IncomingMessage, request, type ServerResponse } from 'node:http'

export interface ForwardOptions {
  readonly agent: Agent
  /** By the status: what answers in place of the answer. */
  readonly instead: (status: number) => (() => void) | undefined
}

/** Resolves with the status, once the answer is through; 0 where the client went away. */
export function forward(
  url: string,
  incoming: IncomingMessage,
  answer: ServerResponse,
  body: Buffer | undefined,
  { agent, instead }: ForwardOptions,
): Promise<number> {
  return new Promise((end, fail) => {
    // This server has said already that it goes on.
    const { expect: _, ...headers } = incoming.headers
    const outgoing = request(url, { method: incoming.method, headers, agent }, (response) => {
      const status = response.statusCode ?? 0
      const other = instead(status)
      if (other !== undefined) {
        response.resume()
        other()
        end(status)
        return
      }
      answer.writeHead(status, response.rawHeaders)
      response.pipe(answer)
      response.once('end', () => end(status))
      response.once('error', fail)
    })
    outgoing.once('error', (error) => (answer.destroyed ? end(0) : fail(error)))
    answer.once('close', () => {
      if (!answer.writableFinished) outgoing.destroy()
      end(0)
    })
    if (body === undefined) incoming.pipe(outgoing)
    else outgoing.end(body)
  })
}
