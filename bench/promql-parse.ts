/** How long does a query take to parse, and to print? Prints the median and the spread over rounds. */
import { parseExpr } from '#lib/promql/parse/parse.ts'
import { printExpr } from '#lib/promql/parse/print.ts'

const QUERIES: Readonly<Record<string, string>> = {
  'a metric': 'up',
  'a rate': 'sum by (job) (rate(http_requests_total{code=~"5..", env!="dev"}[5m]))',
  'a dashboard panel':
    'sum by (namespace, pod) (rate(container_cpu_usage_seconds_total{namespace="prod", container!="", image!=""}[5m])) / on (namespace, pod) group_left (node) kube_pod_container_resource_limits{resource="cpu", namespace="prod"} > bool 0.8',
  'five hundred operands': Array.from({ length: 500 }, (_, i) => `m${i}{a="${i}"}`).join(' or '),
}

const ROUNDS = 15

function measure(run: () => void): string {
  let count = 1
  for (;;) {
    const start = performance.now()
    for (let i = 0; i < count; i++) run()
    if (performance.now() - start > 40) break
    count *= 2
  }
  const times = Array.from({ length: ROUNDS }, () => {
    const start = performance.now()
    for (let i = 0; i < count; i++) run()
    return ((performance.now() - start) * 1000) / count
  }).sort((a, b) => a - b)
  const [low, middle, high] = [times[0]!, times[ROUNDS >> 1]!, times.at(-1)!]
  return `${middle.toFixed(2)} µs (${low.toFixed(2)}–${high.toFixed(2)})`
}

for (const [name, query] of Object.entries(QUERIES)) {
  const expr = parseExpr(query)
  console.log(`${name}, ${query.length} characters`)
  console.log(`  parse ${measure(() => parseExpr(query))}`)
  console.log(`  print ${measure(() => printExpr(expr))}`)
}
