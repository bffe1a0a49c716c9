/**
 * An exporter for load, a process of its own. Arguments: how many series in all, and how many of them a target has. Prints its
 * port; target i is /metrics/i. A third of the series stands still, as in real life; the others count.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const [total = 10_000, perTarget = 10_000] = process.argv.slice(2).map(Number)
/** Series of one metric within a target. */
const PER_METRIC = 100

/** `name{labels} `, the same for every target. */
const heads = Array.from({ length: perTarget }, (_, i) => {
  const metric = `load_${metricWords(Math.floor(i / PER_METRIC))}_total`
  const k = i % PER_METRIC
  return `${metric}{namespace="team-${k % 10}",pod="service-${k % 10}-7d9c5b8f6-${k.toString(36).padStart(5, 'x')}",container="main",code="${200 + (k % 5)}"} `
})

function metricWords(i: number): string {
  const words = ['http', 'grpc', 'queue', 'cache', 'disk', 'net', 'cpu', 'gc', 'pool', 'db']
  const kinds = [
    'requests',
    'bytes',
    'errors',
    'seconds',
    'retries',
    'hits',
    'reads',
    'writes',
    'waits',
    'ops',
  ]
  return `${words[i % 10]}_${kinds[Math.floor(i / 10) % 10]}${i >= 100 ? `_${Math.floor(i / 100)}` : ''}`
}

const scrapes = new Map<string, number>()

const server = createServer((request, response) => {
  const target = request.url ?? ''
  const count = (scrapes.get(target) ?? 0) + 1
  scrapes.set(target, count)
  const lines: string[] = []
  for (let i = 0; i < heads.length; i++) {
    const value = i % 3 === 0 ? i : count * (1 + (i % 97)) + ((i * count) % 13)
    lines.push(heads[i]!, String(value), '\n')
  }
  response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(lines.join(''))
})
server.listen(0, '127.0.0.1', () => {
  const targets = Math.ceil(total / perTarget)
  process.stdout.write(`${(server.address() as AddressInfo).port} ${targets}\n`)
})
// Ends with whoever started it.
process.stdin.resume().on('end', () => process.exit(0))
