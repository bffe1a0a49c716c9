/** The servers behind the function URLs of a stack: one each, with a port that stays while the stack has the URL. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'

import { functionUrlIds } from './assembly-files.ts'
import type { FunctionUrlSpec } from './assembly-urls.ts'
import { FunctionUrl, type FunctionUrlOptions } from './function-url.ts'
import { listenOnLoopback } from './loopback.ts'

export type Serve = (
  server: Server,
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
) => void

interface Place {
  readonly server: Server
  readonly url: string
  current: { readonly spec: FunctionUrlSpec; readonly door: FunctionUrl } | undefined
}

export class FunctionUrls {
  readonly #serve: Serve
  readonly #places = new Map<string, Place>()

  constructor(serve: Serve) {
    this.#serve = serve
  }

  /** Makes a place for each URL of an assembly: the rest of it refers to them. */
  async prepare(directory: string): Promise<void> {
    for (const id of functionUrlIds(directory)) {
      if (this.#places.has(id)) continue
      const server = createServer()
      const url = `http://127.0.0.1:${await listenOnLoopback(server, 0)}/`
      const place: Place = { server, url, current: undefined }
      this.#places.set(id, place)
      this.#serve(server, async (request, response) => {
        if (place.current === undefined) response.writeHead(404).end()
        else await place.current.door.handle(request, response)
      })
    }
  }

  /** By the logical id; ends with a slash. */
  urlOf(id: string): string {
    const place = this.#places.get(id)
    if (place === undefined) throw new Error(`no function URL ${id}`)
    return place.url
  }

  /** By the names of their functions. */
  all(): Record<string, string> {
    const served = [...this.#places.values()].filter(({ current }) => current !== undefined)
    return Object.fromEntries(served.map(({ current, url }) => [current!.spec.functionName, url]))
  }

  /** Whether something changed. */
  put(options: FunctionUrlOptions): boolean {
    const { spec } = options
    const place = this.#places.get(spec.id)!
    if (JSON.stringify(place.current?.spec) === JSON.stringify(spec)) return false
    place.current = { spec, door: new FunctionUrl(options) }
    return true
  }

  keep(ids: ReadonlySet<string>): void {
    for (const [id, place] of this.#places) if (!ids.has(id)) place.current = undefined
  }

  /** Takes no more requests. */
  close(): void {
    for (const { server } of this.#places.values()) server.close()
  }

  closeAllConnections(): void {
    for (const { server } of this.#places.values()) server.closeAllConnections()
  }
}
