/** What node_exporter says of a node. */
import { counter, gauge } from './curve.ts'
import type { Process } from './events.ts'
import { hashText } from './noise.ts'
import type { SeriesSink } from './series-sink.ts'

const CPUS = 4
const GB = 1_000_000_000
/** Sizes in steps of a page. */
const PAGE = 1 / 4096

/** Share of a cpu's time. Together a little less than one. */
const CPU_MODES: Readonly<Record<string, number>> = {
  idle: 0.7,
  iowait: 0.01,
  irq: 0,
  nice: 0.001,
  softirq: 0.005,
  steal: 0.002,
  system: 0.06,
  user: 0.2,
}

const MOUNTS = [
  { device: '/dev/nvme0n1p1', fstype: 'ext4', mountpoint: '/', size: 100 * GB, used: 0.45 },
  { device: '/dev/nvme1n1', fstype: 'xfs', mountpoint: '/var/lib/data', size: 500 * GB, used: 0.6 },
]

export function nodeMetrics(sink: SeriesSink, cluster: string, node: number, name: string): void {
  const seedOf = (text: string) => hashText(`${name} ${text}`)
  const process: Process = { cluster, node, seed: seedOf('boot'), bornMs: 0, crashEveryMs: 0 }
  const count = (
    metric: string,
    labels: Readonly<Record<string, string>>,
    perSecond: number,
    stepsPerUnit = 1,
  ) => {
    const seed = seedOf(metric + Object.values(labels).join())
    const curve = counter({ perSecond, seed, stepsPerUnit })
    sink.add(metric, labels, { type: 'counter', curve, process })
  }
  const bytes = (metric: string, level: number, swing: number) => {
    const seed = seedOf(metric)
    const curve = gauge({ level, daily: swing, noise: swing / 2, seed, stepsPerUnit: PAGE })
    sink.add(metric, {}, { type: 'gauge', curve })
  }

  for (let cpu = 0; cpu < CPUS; cpu++) {
    for (const [mode, share] of Object.entries(CPU_MODES)) {
      if (share === 0) {
        sink.add('node_cpu_seconds_total', { cpu: `${cpu}`, mode }, { type: 'constant', value: 0 })
      } else if (mode === 'idle') {
        // Less by day. The others have more then.
        const curve = counter({
          perSecond: share,
          seed: seedOf(`idle ${cpu}`),
          stepsPerUnit: 100,
          daily: -0.25,
        })
        sink.add(
          'node_cpu_seconds_total',
          { cpu: `${cpu}`, mode },
          { type: 'counter', curve, process },
        )
      } else {
        count('node_cpu_seconds_total', { cpu: `${cpu}`, mode }, share, 100)
      }
    }
  }

  sink.constant('node_memory_MemTotal_bytes', {}, 16_777_216_000)
  bytes('node_memory_MemAvailable_bytes', 8 * GB, -1.5 * GB)
  bytes('node_memory_MemFree_bytes', 2 * GB, -0.6 * GB)
  bytes('node_memory_Buffers_bytes', 0.3 * GB, 0.02 * GB)
  bytes('node_memory_Cached_bytes', 5 * GB, 0.4 * GB)

  for (const { size, used, ...labels } of MOUNTS) {
    sink.constant('node_filesystem_size_bytes', labels, size)
    const curve = gauge({
      level: size * (1 - used),
      daily: size * 0.01,
      noise: size * 0.02,
      seed: seedOf(labels.mountpoint),
      stepsPerUnit: PAGE,
      noiseCell: 6 * 3600,
    })
    sink.add('node_filesystem_avail_bytes', labels, { type: 'gauge', curve })
  }
  for (const [device, rate] of [
    ['eth0', 2_000_000],
    ['lo', 40_000],
  ] as const) {
    count('node_network_receive_bytes_total', { device }, rate)
    count('node_network_transmit_bytes_total', { device }, device === 'lo' ? rate : rate * 1.4)
  }
  for (const [metric, noise, noiseCell] of [
    ['node_load1', 0.6, 120],
    ['node_load5', 0.3, 300],
    ['node_load15', 0.15, 900],
  ] as const) {
    const seed = seedOf('load')
    const curve = gauge({ level: 1.6, daily: 0.7, noise, seed, noiseCell, stepsPerUnit: 100 })
    sink.add(metric, {}, { type: 'gauge', curve })
  }
  count('node_disk_read_bytes_total', { device: 'nvme1n1' }, 300_000, 1 / 512)
  count('node_disk_written_bytes_total', { device: 'nvme1n1' }, 900_000, 1 / 512)
  count('node_disk_io_time_seconds_total', { device: 'nvme1n1' }, 0.04, 1000)
  sink.add('node_boot_time_seconds', {}, { type: 'boot-time', process })
  sink.add('node_time_seconds', {}, { type: 'clock' })
  sink.constant(
    'node_uname_info',
    {
      domainname: '(none)',
      machine: 'x86_64',
      nodename: name,
      release: '6.12.9-amd64',
      sysname: 'Linux',
      version: '#1 SMP PREEMPT_DYNAMIC',
    },
    1,
  )
  sink.constant(
    'node_exporter_build_info',
    { branch: 'HEAD', goarch: 'amd64', goos: 'linux', goversion: 'go1.25.1', version: '1.9.1' },
    1,
  )
}
