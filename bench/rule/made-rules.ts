/** A hundred rules in five groups, in proportions that are found in clusters: rates and their quotients, quantiles, burn rates of objectives, thresholds. */

const SERVICES = [0, 1, 2, 3] as const

interface MadeGroup {
  readonly name: string
  readonly rules: readonly string[]
}

function record(name: string, expr: string): string {
  return `      - record: ${name}\n        expr: ${expr}\n`
}

function alert(name: string, expr: string, minutes: number): string {
  const annotations = [
    `        annotations:`,
    `          summary: '${name} in {{ $labels.namespace }} of {{ $labels.cluster }}: {{ $value | humanize }}'`,
    `          description: 'It is so for ${minutes} minutes. Look at {{ $externalURL }}.'`,
  ]
  return [
    `      - alert: ${name}`,
    `        expr: ${expr}`,
    `        for: ${minutes}m`,
    '        labels:',
    '          severity: page',
    ...annotations,
    '',
  ].join('\n')
}

const BY = 'by (cluster, namespace)'

/** 20 rules: rates of counters by namespace. */
const rates = Array.from({ length: 20 }, (_, i) =>
  record(`namespace:made_${i * 2}:rate5m`, `sum ${BY} (rate(made_${i * 2}_total[5m]))`),
)

/** 20: gauges by namespace, and their quotients. */
const gauges = Array.from({ length: 10 }, (_, i) => [
  record(`namespace:made_${i * 2 + 1}:sum`, `sum ${BY} (made_${i * 2 + 1}_bytes)`),
  record(
    `namespace:made_${i * 2 + 1}:share`,
    `namespace:made_${i * 2 + 1}:sum / on (cluster) group_left() sum by (cluster) (namespace:made_${i * 2 + 1}:sum)`,
  ),
]).flat()

/** 20: of four services with many buckets, rates and quantiles, errors, and their budget over longer windows. */
const services = SERVICES.flatMap((i) => [
  record(
    `service_${i}:bucket:rate5m`,
    `sum by (cluster, le, handler) (rate(service_${i}_bucket[5m]))`,
  ),
  record(
    `service_${i}:latency:p99`,
    `histogram_quantile(0.99, sum by (cluster, le) (service_${i}:bucket:rate5m))`,
  ),
  record(
    `service_${i}:slow:ratio5m`,
    `1 - sum by (cluster) (service_${i}:bucket:rate5m{le="0.5"}) / sum by (cluster) (service_${i}:bucket:rate5m{le="+Inf"})`,
  ),
  record(`service_${i}:slow:ratio1h`, `avg_over_time(service_${i}:slow:ratio5m[1h])`),
  record(`service_${i}:slow:ratio6h`, `avg_over_time(service_${i}:slow:ratio5m[6h])`),
])

/** 20: objectives, and what will be full. */
const objectives = [
  ...SERVICES.flatMap((i) => [
    alert(
      `Service${i}BurnsFast`,
      `service_${i}:slow:ratio5m > 14.4 * 0.001 and service_${i}:slow:ratio1h > 14.4 * 0.001`,
      2,
    ),
    alert(
      `Service${i}BurnsSlowly`,
      `service_${i}:slow:ratio1h > 6 * 0.001 and service_${i}:slow:ratio6h > 6 * 0.001`,
      15,
    ),
    alert(`Service${i}IsSlow`, `service_${i}:latency:p99 > 2.5`, 10),
    alert(`Service${i}IsAway`, `absent(service_${i}:bucket:rate5m)`, 5),
  ]),
  ...[23, 25].map((i) =>
    alert(`Disk${i}FillsUp`, `predict_linear(made_${i}_bytes[1h], 4 * 3600) < 0`, 30),
  ),
  ...[27, 29].map((i) => alert(`Disk${i}IsFull`, `made_${i}_bytes < 100`, 30)),
]

/** 20: thresholds for each series. */
const thresholds = Array.from({ length: 20 }, (_, i) => {
  const [counter, gauge] = [40 + i * 2, 41 + i * 2]
  return i % 2 === 0
    ? alert(`Rate${i}IsHigh`, `rate(made_${counter}_total[5m]) > ${i === 0 ? 1.2 : 1e6}`, 5)
    : alert(
        `Gauge${i}IsHigh`,
        `avg_over_time(made_${gauge}_bytes[10m]) > 1e9 or max ${BY} (made_${gauge}_bytes) > 1e9`,
        5,
      )
})

const GROUPS: readonly MadeGroup[] = [
  { name: 'rates', rules: rates },
  { name: 'gauges', rules: gauges },
  { name: 'services', rules: services },
  { name: 'objectives', rules: objectives },
  { name: 'thresholds', rules: thresholds },
]

/** A rule file as Prometheus reads it. */
export function madeRules(): string {
  const groups = GROUPS.map(({ name, rules }) => `  - name: ${name}\n    rules:\n${rules.join('')}`)
  return `groups:\n${groups.join('')}`
}
