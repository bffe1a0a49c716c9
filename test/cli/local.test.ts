/** `thaw local` hands its flags on. */
import { describe, expect, it } from 'vitest'
import { runCommand } from '#agent/run-command.ts'
import type { CliContext } from '#cli/context.ts'
import { type LocalModule, localCommand } from '#cli/local.ts'

const context: CliContext = {
  env: {},
  now: () => 0,
  write() {},
  writeError() {},
  signal: new AbortController().signal,
  killSignal: new AbortController().signal,
  onHangup() {},
}

async function optionsOf(...argv: string[]): Promise<unknown> {
  const seen: unknown[] = []
  const module: LocalModule = { runLocal: async (options) => void seen.push(options) }
  const command = localCommand(context, async () => module).configureOutput({ writeErr() {} })
  const code = await runCommand(command, argv, () => {})
  return code === 0 ? seen[0] : code
}

describe('thaw local', () => {
  it('has defaults for everything', async () => {
    expect(await optionsOf()).toEqual({
      port: 19090,
      dataDir: '.thaw',
      objstore: { yaml: undefined, file: undefined },
      prometheusUrl: undefined,
      tsdbPath: undefined,
      queryFlags: '',
      compactFlags: '',
      ruleFlags: '',
      rules: true,
      compact: true,
      tokens: false,
      days: 15,
      context,
    })
  })

  it('takes a bucket, a Prometheus and a place', async () => {
    const flags = ['--port=0', '--data-dir=/d', '--days=3', '--objstore.config-file=b.yml']
    expect(
      await optionsOf(...flags, '--prometheus.url=http://p:9090', '--tsdb.path=/data'),
    ).toMatchObject({
      port: 0,
      dataDir: '/d',
      objstore: { yaml: undefined, file: 'b.yml' },
      prometheusUrl: 'http://p:9090',
      tsdbPath: '/data',
      queryFlags: '',
      compact: false,
      rules: false,
      days: 3,
    })
  })

  it('compacts a bucket of somebody else only where that is said', async () => {
    const flags = ['--objstore.config-file=b.yml', '--compact.flags=--delete-delay=0s']
    expect(await optionsOf(...flags, '--compact')).toMatchObject({
      compact: true,
      compactFlags: '--delete-delay=0s',
    })
  })

  it('asks for tokens where that is said', async () => {
    expect(await optionsOf('--auth.tokens')).toMatchObject({ tokens: true })
  })

  it.each(['--port=http', '--port=70000', '--days=0', '--days=-1', '--daysss=1'])(
    'refuses %s',
    async (flag) => {
      expect(await optionsOf(flag)).toBe(1)
    },
  )
})
