/** A way to an Alertmanager on which all goes wrong in turn, and well in between. */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** `deaf`: the Alertmanager takes the alerts, and whoever sent them does not hear it. */
export const WEATHERS = ['down', 500, 'hang', 400, 'deaf', 503] as const
export type Weather = 'fine' | (typeof WEATHERS)[number]

export interface BadWeather {
  readonly url: string
  /** And connections, where there were no requests. */
  readonly requests: ReadonlyMap<Weather, number>
  weather: Weather
  close(): void
}

export async function startBadWeather(target: string): Promise<BadWeather> {
  const requests = new Map<Weather, number>()
  const server = createServer((incoming, response) => {
    const { weather } = way
    count()
    if (weather === 'hang') return
    if (weather === 'down') response.destroy()
    else if (typeof weather === 'number') {
      incoming.resume()
      response.writeHead(weather).end('bad weather')
    } else forward(incoming, response, weather)
  })
  server.on('connection', (socket) => {
    if (way.weather !== 'down') return
    count()
    socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

  function count(): void {
    requests.set(way.weather, (requests.get(way.weather) ?? 0) + 1)
  }

  function forward(incoming: IncomingMessage, response: ServerResponse, weather: Weather): void {
    const { method, url = '', headers } = incoming
    const outgoing = request(`${target}${url}`, { method, headers }, (answer) => {
      if (weather === 'deaf') {
        answer.resume()
        response.destroy()
      } else {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      }
    })
    outgoing.once('error', () => response.destroy())
    incoming.pipe(outgoing)
  }

  const way: BadWeather = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    weather: 'fine',
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
  return way
}
