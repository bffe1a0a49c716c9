/** The made world: nodes, a cluster's state and a web service, with the names and labels of their real exporters. */
import {
  classicHistogram,
  constant,
  draining,
  flag,
  fraction,
  gauge,
  type MadeMetric,
  metric,
  seconds,
  whole,
} from './made-metric.ts'

export interface Target {
  readonly job: string
  readonly instance: string
  readonly intervalMs: number
  /** Of its scrapes within the interval. Never whole seconds: no scrape meets the border of a range that a query asks. */
  readonly phaseMs: number
  /** In seconds since the data begins: scrapes that fail. */
  readonly down: readonly (readonly [number, number])[]
  /** In seconds since the data begins. */
  readonly restarts: readonly number[]
  readonly metrics: readonly MadeMetric[]
}

const HOUR = 3600
/** Target label of everything, as kubernetes-mixin has it in every query. */
export const CLUSTER = 'made'

const MODES = {
  idle: 0.7,
  user: 0.15,
  system: 0.06,
  iowait: 0.04,
  nice: 0.003,
  irq: 0.0005,
  softirq: 0.01,
  steal: 0.002,
}

export function madeTargets(): Target[] {
  return [
    ...[0, 1, 2, 3].map(nodeTarget),
    {
      job: 'kube-state-metrics',
      instance: '10.1.0.4:8080',
      intervalMs: 120_000,
      phaseMs: 41_523,
      down: [[31 * HOUR, 31.6 * HOUR]],
      restarts: [],
      metrics: clusterState(),
    },
    {
      job: 'kubelet',
      instance: '10.1.0.5:10250',
      intervalMs: 120_000,
      phaseMs: 97_871,
      down: [],
      restarts: [20 * HOUR],
      metrics: containers(),
    },
    ...[0, 1].map(webTarget),
  ]
}

function nodeTarget(number: number): Target {
  return {
    job: 'node',
    instance: `10.0.0.${number + 1}:9100`,
    intervalMs: 90_000,
    phaseMs: 7_317 + number * 20_011,
    down:
      number === 1
        ? [[26.2 * HOUR, 29 * HOUR]]
        : [[(9 + number) * HOUR, (9 + number) * HOUR + 400]],
    restarts: number === 3 ? [] : [(14 + 19 * number) * HOUR + 1234],
    metrics: [
      ...processors(),
      ...memory(),
      ...filesystems(),
      ...disks(),
      ...networks(),
      ...kernel(number),
    ],
  }
}

function processors(): MadeMetric[] {
  return ['0', '1', '2', '3'].flatMap((cpu) =>
    Object.entries(MODES).map(([mode, share]) =>
      metric('node_cpu_seconds_total', { cpu, mode }, seconds(share)),
    ),
  )
}

function memory(): MadeMetric[] {
  const GB = 2 ** 30
  const gauges: Record<string, [number, number]> = {
    MemFree: [2 * GB, GB],
    MemAvailable: [7 * GB, 3 * GB],
    Buffers: [GB / 4, GB / 8],
    Cached: [4 * GB, GB],
    Slab: [GB / 3, GB / 10],
    SReclaimable: [GB / 4, GB / 20],
    SwapFree: [1.8 * GB, GB / 10],
    SwapCached: [1 << 20, 1 << 18],
    PageTables: [40 << 20, 8 << 20],
    Active: [5 * GB, GB],
    Inactive: [3 * GB, GB],
    Dirty: [2 << 20, 2 << 20],
  }
  return [
    metric('node_memory_MemTotal_bytes', {}, constant(16 * GB - 123_456)),
    metric('node_memory_SwapTotal_bytes', {}, constant(2 * GB)),
    ...Object.entries(gauges).map(([name, [middle, swing]]) =>
      metric(`node_memory_${name}_bytes`, {}, gauge(middle, swing, 4096)),
    ),
  ]
}

function filesystems(): MadeMetric[] {
  const mounts = [
    { device: '/dev/nvme0n1p1', fstype: 'ext4', mountpoint: '/', size: 80e9 },
    { device: '/dev/nvme1n1', fstype: 'xfs', mountpoint: '/var/lib/data', size: 500e9 },
    { device: 'tmpfs', fstype: 'tmpfs', mountpoint: '/run', size: 1.6e9 },
  ]
  return mounts.flatMap(({ size, ...labels }) => [
    metric('node_filesystem_size_bytes', labels, constant(size)),
    metric('node_filesystem_avail_bytes', labels, draining(size * 0.6, 40 * HOUR)),
    metric('node_filesystem_free_bytes', labels, draining(size * 0.65, 40 * HOUR)),
    metric('node_filesystem_files', labels, constant(5e6)),
    metric('node_filesystem_files_free', labels, gauge(4e6, 3e5)),
    metric('node_filesystem_readonly', labels, flag(0.02)),
    metric('node_filesystem_device_error', labels, constant(0)),
  ])
}

function disks(): MadeMetric[] {
  const perSecond: Record<string, number> = {
    reads_completed: 30,
    writes_completed: 90,
    reads_merged: 2,
    writes_merged: 20,
    read_bytes: 3e5,
    written_bytes: 2e6,
  }
  const busy = {
    read_time_seconds: 0.02,
    write_time_seconds: 0.1,
    io_time_seconds: 0.2,
    io_time_weighted_seconds: 0.5,
  }
  return ['nvme0n1', 'nvme1n1'].flatMap((device) => [
    ...Object.entries(perSecond).map(([name, rate]) =>
      metric(`node_disk_${name}_total`, { device }, whole(rate)),
    ),
    ...Object.entries(busy).map(([name, rate]) =>
      metric(`node_disk_${name}_total`, { device }, seconds(rate)),
    ),
    metric('node_disk_io_now', { device }, gauge(2, 4)),
  ])
}

function networks(): MadeMetric[] {
  const rates = { bytes: 4e5, packets: 900, errs: 0.002, drop: 0.05, multicast: 1 }
  return ['eth0', 'lo', 'veth5'].flatMap((device) => [
    ...['receive', 'transmit'].flatMap((direction) =>
      Object.entries(rates)
        .filter(([what]) => direction === 'receive' || what !== 'multicast')
        .map(([what, rate]) =>
          metric(`node_network_${direction}_${what}_total`, { device }, whole(rate)),
        ),
    ),
    metric('node_network_up', { device }, flag(0.97)),
    metric('node_network_speed_bytes', { device }, constant(1.25e8)),
  ])
}

function kernel(number: number): MadeMetric[] {
  const counters = {
    node_context_switches_total: 9000,
    node_intr_total: 5000,
    node_forks_total: 3,
    node_vmstat_pgpgin: 300,
    node_vmstat_pgpgout: 2000,
    node_vmstat_pswpin: 0.01,
    node_vmstat_pswpout: 0.02,
    node_vmstat_pgmajfault: 0.3,
    node_vmstat_oom_kill: 0.00002,
    node_netstat_Tcp_InSegs: 800,
    node_netstat_Tcp_OutSegs: 780,
    node_netstat_Tcp_RetransSegs: 0.4,
    node_netstat_TcpExt_ListenDrops: 0.01,
    node_netstat_Icmp_InMsgs: 0.2,
  }
  const gauges: Record<string, [number, number, number]> = {
    node_procs_running: [3, 4, 1],
    node_procs_blocked: [0.5, 1, 1],
    node_entropy_available_bits: [256, 0, 1],
    node_filefd_allocated: [2000, 600, 32],
    node_nf_conntrack_entries: [9000, 7000, 1],
    node_sockstat_TCP_alloc: [200, 50, 1],
    node_sockstat_TCP_inuse: [30, 20, 1],
    node_sockstat_TCP_tw: [60, 60, 1],
    node_netstat_Tcp_CurrEstab: [50, 30, 1],
    node_load1: [1.5, 1.4, 0.01],
    node_load5: [1.4, 1, 0.01],
    node_load15: [1.3, 0.7, 0.01],
  }
  return [
    ...Object.entries(counters).map(([name, rate]) => metric(name, {}, whole(rate))),
    ...Object.entries(gauges).map(([name, [middle, swing, grain]]) =>
      metric(name, {}, gauge(middle, swing, grain)),
    ),
    metric('node_filefd_maximum', {}, constant(9.223372036854776e18)),
    metric('node_nf_conntrack_entries_limit', {}, constant(16_384)),
    metric('node_boot_time_seconds', {}, constant(1_771_000_000 + number * 777.25)),
    metric(
      'node_time_seconds',
      {},
      () =>
        ({ t }) =>
          1_772_323_200 + t + 0.0421,
    ),
    metric('node_timex_offset_seconds', {}, fraction(-0.0001, 0.0007)),
    metric('node_timex_maxerror_seconds', {}, gauge(0.3, 0.25, 0.0005)),
    metric('node_timex_sync_status', {}, flag(0.95)),
    metric(
      'node_uname_info',
      { nodename: `node-${number}`, release: '6.1.0', machine: 'x86_64' },
      constant(1),
    ),
    metric('node_textfile_scrape_error', {}, constant(0)),
    ...['temp1', 'temp2'].map((sensor) =>
      metric('node_hwmon_temp_celsius', { chip: 'platform_coretemp_0', sensor }, gauge(8, 25, 0.5)),
    ),
    metric('node_systemd_unit_state', { name: 'cron.service', state: 'failed' }, flag(0.1)),
    metric('node_scrape_collector_duration_seconds', { collector: 'cpu' }, fraction(0.002, 0.001)),
    metric('node_scrape_collector_success', { collector: 'cpu' }, constant(1)),
  ]
}

interface Pod {
  readonly namespace: string
  readonly pod: string
  readonly workload: string
  readonly node: string
  readonly from?: number | undefined
  readonly to?: number | undefined
}

/** Some pods end and are replaced within the days, as pods are. */
const PODS: readonly Pod[] = [
  'shop/cart',
  'shop/checkout',
  'shop/search',
  'infra/dns',
  'infra/ingress',
].flatMap((name, i) => {
  const [namespace = '', workload = ''] = name.split('/')
  const pod = (suffix: string, n: number, life: { from?: number; to?: number } = {}): Pod => ({
    namespace,
    workload,
    pod: `${workload}-6d5f-${suffix}`,
    node: `node-${n % 4}`,
    ...life,
  })
  return [
    pod('aa', i),
    pod('bb', i + 1, { to: (17 + 7 * i) * HOUR }),
    pod('cc', i + 2, { from: (17 + 7 * i) * HOUR + 200 }),
  ]
})

function clusterState(): MadeMetric[] {
  const pods = PODS.flatMap(({ namespace, pod, node, workload, from, to }) => {
    const life = { from, to }
    const labels = { namespace, pod, uid: `uid-${pod}` }
    const container = { ...labels, container: workload }
    const cpu = { ...container, resource: 'cpu', unit: 'core', node }
    const bytes = { ...container, resource: 'memory', unit: 'byte', node }
    return [
      metric('kube_pod_info', { ...labels, node, pod_ip: '10.2.0.9' }, constant(1), life),
      metric(
        'kube_pod_owner',
        { ...labels, owner_kind: 'ReplicaSet', owner_name: `${workload}-6d5f` },
        constant(1),
        life,
      ),
      ...['Pending', 'Running', 'Failed'].map((phase) =>
        metric(
          'kube_pod_status_phase',
          { ...labels, phase },
          flag(phase === 'Running' ? 0.95 : 0.04),
          life,
        ),
      ),
      metric('kube_pod_container_status_restarts_total', container, whole(0.0002), life),
      metric(
        'kube_pod_container_status_waiting_reason',
        { ...container, reason: 'CrashLoopBackOff' },
        flag(0.05),
        life,
      ),
      metric('kube_pod_container_resource_requests', cpu, constant(0.25), life),
      metric('kube_pod_container_resource_requests', bytes, constant(256 * 2 ** 20), life),
      metric('kube_pod_container_resource_limits', cpu, constant(0.7), life),
      metric('kube_pod_container_resource_limits', bytes, constant(512 * 2 ** 20), life),
    ]
  })
  const workloads = [...new Map(PODS.map((pod) => [pod.workload, pod.namespace]))].flatMap(
    ([deployment, namespace]) => [
      metric('kube_deployment_spec_replicas', { namespace, deployment }, constant(2)),
      metric(
        'kube_deployment_status_replicas_available',
        { namespace, deployment },
        () =>
          ({ t, k }) =>
            k % 97 < 5 ? 1 : t > 200_000 ? 3 : 2,
      ),
      metric('kube_deployment_status_replicas_updated', { namespace, deployment }, constant(2)),
      metric('kube_deployment_metadata_generation', { namespace, deployment }, gauge(12, 1)),
      metric('kube_deployment_status_observed_generation', { namespace, deployment }, constant(12)),
    ],
  )
  const nodes = ['node-0', 'node-1', 'node-2', 'node-3'].flatMap((node) => [
    metric('kube_node_info', { node, kubelet_version: 'v1.33.1' }, constant(1)),
    metric('kube_node_status_allocatable', { node, resource: 'cpu', unit: 'core' }, constant(3.92)),
    metric(
      'kube_node_status_allocatable',
      { node, resource: 'memory', unit: 'byte' },
      constant(15.5 * 2 ** 30),
    ),
    ...['true', 'false', 'unknown'].map((status) =>
      metric(
        'kube_node_status_condition',
        { node, condition: 'Ready', status },
        flag(status === 'true' ? 0.9 : 0.1),
      ),
    ),
    metric('kube_node_spec_unschedulable', { node }, flag(0.05)),
  ])
  return [...pods, ...workloads, ...nodes]
}

function containers(): MadeMetric[] {
  return PODS.flatMap(({ namespace, pod, workload, node, from, to }) => {
    const life = { from, to }
    const labels = { namespace, pod, container: workload, image: `registry/${workload}:3`, node }
    const sandbox = { namespace, pod, interface: 'eth0', node }
    return [
      metric('container_cpu_usage_seconds_total', labels, () => preciseSeconds(pod), life),
      metric(
        'container_memory_working_set_bytes',
        labels,
        gauge(200 * 2 ** 20, 90 * 2 ** 20, 4096),
        life,
      ),
      metric('container_memory_rss', labels, gauge(150 * 2 ** 20, 60 * 2 ** 20, 4096), life),
      metric('container_memory_cache', labels, gauge(50 * 2 ** 20, 40 * 2 ** 20, 4096), life),
      metric('container_cpu_cfs_periods_total', labels, whole(10), life),
      metric('container_cpu_cfs_throttled_periods_total', labels, whole(2.4), life),
      metric('container_network_receive_bytes_total', sandbox, whole(12_345), life),
      metric('container_network_transmit_bytes_total', sandbox, whole(23_456), life),
    ]
  })
}

/** cAdvisor counts nanoseconds, so its seconds have many digits. */
function preciseSeconds(name: string): MadeMetric['course'] {
  const inner = seconds(0.3)(name.length * 77_777)
  return (scrape) => inner(scrape) + (scrape.k % 1000) * 1.2345e-6
}

function webTarget(number: number): Target {
  const handlers = ['/', '/cart', '/api/v1/search']
  const metrics = handlers.flatMap((handler) => [
    ...[
      ['200', 12],
      ['404', 0.4],
      ['500', 0.09],
    ].flatMap(([code, rate]) =>
      ['GET', 'POST'].map((method) =>
        metric('http_requests_total', { handler, code: String(code), method }, whole(Number(rate))),
      ),
    ),
    ...classicHistogram(
      'http_request_duration_seconds',
      { handler },
      {
        bounds: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
        perSecond: 11,
        median: 0.08,
      },
    ),
    ...[0.5, 0.9, 0.99].map((quantile) =>
      metric(
        'http_response_size_bytes',
        { handler, quantile: String(quantile) },
        fraction(5000 * quantile, 900),
      ),
    ),
    metric('http_requests_in_flight', { handler }, gauge(4, 8)),
  ])
  return {
    job: 'web',
    instance: `web-${number}:8080`,
    intervalMs: 60_000,
    phaseMs: 12_407 + number * 31_003,
    down: number === 0 ? [[50 * HOUR, 53.5 * HOUR]] : [],
    restarts: [(5 + number) * HOUR, 33 * HOUR, 53 * HOUR],
    metrics: [
      ...metrics,
      metric('process_cpu_seconds_total', {}, seconds(0.4)),
      metric('process_resident_memory_bytes', {}, gauge(300e6, 1e8, 4096)),
      metric('process_open_fds', {}, gauge(60, 40)),
      metric('process_start_time_seconds', {}, constant(1_772_300_000.25)),
      metric('balance_of_payments', {}, fraction(-12.5, 40)),
    ],
  }
}
