/** Ceph's S3 gateway with one monitor and one store in memory, from Debian's packages, unpacked and not installed. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { cachedDirectory, command, type Missing } from './cache.ts'
import type { S3Server } from './s3-server.ts'
import { freePort, type PeerServer, startServer } from './server.ts'

export interface Radosgw {
  /** What the packages were unpacked into. */
  readonly root: string
}

/** 70 MB to fetch and 260 MB unpacked, which takes about 15 seconds. */
export async function findRadosgw(): Promise<Radosgw | Missing> {
  const directory = await cachedDirectory('debian-radosgw', async (making) => {
    await mkdir(join(making, 'archives/partial'), { recursive: true })
    await command('apt-get', [
      'install',
      '--yes',
      '--download-only',
      '--no-install-recommends',
      '--option',
      `Dir::Cache::archives=${join(making, 'archives')}`,
      '--option',
      'Debug::NoLocking=1',
      'radosgw',
      'ceph-mon',
      'ceph-osd',
    ])
    for (const name of await readdir(join(making, 'archives'))) {
      if (name.endsWith('.deb'))
        await command('dpkg', ['-x', join(making, 'archives', name), making])
    }
    await rm(join(making, 'archives'), { recursive: true })
    if (!(await readdir(join(making, 'usr/bin'))).includes('radosgw')) {
      throw new Error('apt-get gave no radosgw')
    }
  })
  return typeof directory === 'string' ? { root: directory } : directory
}

/** About ten seconds. */
export async function startRadosgw({ root }: Radosgw): Promise<S3Server> {
  const directory = await mkdtemp(join(tmpdir(), 'thaw-rgw-'))
  const [monPort, port] = [await freePort(), await freePort()]
  const started: PeerServer[] = []
  const stop = async (): Promise<void> => {
    for (const server of started.reverse()) await server.stop()
    await rm(directory, { recursive: true, force: true })
  }
  try {
    const ceph = await prepareCluster(root, directory, monPort)
    const daemon = async (
      name: string,
      args: readonly string[],
      ready: () => Promise<boolean>,
    ): Promise<void> => {
      started.push(
        await startServer({
          file: ceph.binary(name),
          args: [...ceph.flags, ...args],
          env: ceph.env,
          ready,
        }),
      )
    }
    await daemon('ceph-mon', ['-f', '-i', 'a', '--mon-data', join(directory, 'mon')], async () =>
      (await ceph.run('ceph', ['--connect-timeout', '5', 'status'])).includes('mon: 1 daemons'),
    )
    await prepareStore(ceph, directory)
    await daemon(
      'ceph-osd',
      [
        '-f',
        '-i',
        '0',
        '--osd-data',
        join(directory, 'osd'),
        '--keyring',
        join(directory, 'osd/keyring'),
      ],
      async () =>
        (await ceph.run('ceph', ['--connect-timeout', '5', 'osd', 'stat'])).includes('1 up'),
    )
    await daemon(
      'radosgw',
      ['-f', '-n', 'client.admin', '--rgw-frontends', `beast endpoint=127.0.0.1:${port}`],
      async () => {
        await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(2000) })
        return true
      },
    )
    const [accessKey, secretKey] = ['thaw', 'thaw-secret']
    await ceph.run('radosgw-admin', [
      'user',
      'create',
      '--uid=thaw',
      '--display-name=thaw',
      `--access-key=${accessKey}`,
      `--secret-key=${secretKey}`,
    ])
    return {
      endpoint: `127.0.0.1:${port}`,
      accessKey,
      secretKey,
      log: () => started.map((server) => server.log()).join('\n'),
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

interface Ceph {
  readonly binary: (name: string) => string
  readonly flags: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly run: (name: string, args: readonly string[]) => Promise<string>
}

async function prepareCluster(root: string, directory: string, monPort: number): Promise<Ceph> {
  const library = join(root, 'usr/lib/x86_64-linux-gnu')
  const fsid = randomUUID()
  const configFile = join(directory, 'ceph.conf')
  const keyring = join(directory, 'keyring')
  const binary = (name: string): string => join(root, 'usr/bin', name)
  const env = {
    LD_LIBRARY_PATH: [library, join(library, 'ceph'), join(root, 'lib/x86_64-linux-gnu')].join(':'),
    PYTHONPATH: join(root, 'usr/lib/python3/dist-packages'),
    CEPH_CONF: configFile,
  }
  const settings: Readonly<Record<string, string | number>> = {
    fsid,
    mon_host: `v1:127.0.0.1:${monPort}`,
    public_addr: '127.0.0.1',
    ms_bind_msgr2: 'false',
    keyring,
    run_dir: directory,
    admin_socket: '',
    log_file: '',
    log_to_stderr: 'true',
    err_to_stderr: 'true',
    plugin_dir: join(library, 'ceph'),
    erasure_code_dir: join(library, 'ceph/erasure-code'),
    osd_class_dir: join(library, 'rados-classes'),
    osd_objectstore: 'memstore',
    memstore_device_bytes: 2 * 1024 ** 3,
    osd_pool_default_size: 1,
    osd_pool_default_min_size: 1,
    osd_pool_default_pg_num: 8,
    osd_crush_chooseleaf_type: 0,
    osd_crush_update_on_start: 'true',
    mon_allow_pool_size_one: 'true',
    mon_max_pg_per_osd: 1000,
    mon_data_avail_crit: 1,
    mon_data_avail_warn: 1,
    rgw_data: directory,
    rgw_enable_usage_log: 'false',
    // Deletes must be gone for the next listing's counts, not after two hours.
    rgw_gc_obj_min_wait: 60,
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`)
  await writeFile(configFile, `[global]\n${lines.join('\n')}\n`)
  const flags = ['-c', configFile]
  const ceph: Ceph = {
    binary,
    flags,
    env,
    run: (name, args) => command(binary(name), [...flags, ...args], { env }),
  }
  const tool = (name: string, args: readonly string[]): Promise<string> =>
    command(binary(name), args, { env })
  await tool('ceph-authtool', [
    '--create-keyring',
    keyring,
    '--gen-key',
    '-n',
    'mon.',
    '--cap',
    'mon',
    'allow *',
  ])
  await tool('ceph-authtool', [
    keyring,
    '--gen-key',
    '-n',
    'client.admin',
    ...['mon', 'osd', 'mgr', 'mds'].flatMap((service) => ['--cap', service, 'allow *']),
  ])
  const monmap = join(directory, 'monmap')
  await tool('monmaptool', [
    '--create',
    '--fsid',
    fsid,
    '--addv',
    'a',
    `[v1:127.0.0.1:${monPort}]`,
    monmap,
  ])
  await ceph.run('ceph-mon', [
    '--mkfs',
    '-i',
    'a',
    '--mon-data',
    join(directory, 'mon'),
    '--monmap',
    monmap,
    '--keyring',
    keyring,
  ])
  return ceph
}

/** Tells the monitor of store 0 and gives it a key. */
async function prepareStore(ceph: Ceph, directory: string): Promise<void> {
  const data = join(directory, 'osd')
  await mkdir(data)
  const uuid = randomUUID()
  await ceph.run('ceph', ['osd', 'new', uuid, '0'])
  const key = await ceph.run('ceph', [
    'auth',
    'get-or-create',
    'osd.0',
    'mon',
    'allow profile osd',
    'osd',
    'allow *',
    'mgr',
    'allow profile osd',
  ])
  await writeFile(join(data, 'keyring'), key)
  await ceph.run('ceph-osd', [
    '-i',
    '0',
    '--mkfs',
    '--osd-uuid',
    uuid,
    '--osd-data',
    data,
    '--keyring',
    join(data, 'keyring'),
  ])
}
