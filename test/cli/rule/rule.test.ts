import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { runCommand } from '#agent/run-command.ts'
import type { CliContext } from '#cli/context.ts'
import { ruleCommand } from '#cli/rule/rule-command.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { resultPack } from '#lib/rules/results/result-pack.ts'

const RULES = `groups:
- name: loads
  interval: 10s
  query_offset: 0s
  rules:
  - record: load:sum
    expr: sum(load)
  - alert: Loaded
    expr: load > 1
`

interface Place {
  readonly rules: string
  readonly objstore: string
}

/** A bucket with samples of the last ten minutes, and a rule file that is a minute old. */
async function makePlace(): Promise<Place> {
  const dir = await mkdtemp(join(tmpdir(), 'thaw-rule-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  const nowMs = Date.now()
  const samples = Array.from({ length: 40 }, (_, i) => ({
    labels: labelsFrom({ __name__: 'load', pod: 'a' }),
    timeMs: nowMs - i * 15_000,
    value: 7,
  }))
  const place = { externalLabels: labelsFrom({ cluster: 'eu' }), epoch: '01DATAr', number: 0 }
  const pack = resultPack(samples, place)!
  await mkdir(join(dir, 'bucket'))
  await fileBucket(join(dir, 'bucket')).put(pack.key, pack.bytes)
  const rules = join(dir, 'rules.yaml')
  await writeFile(rules, RULES)
  await utimes(rules, nowMs / 1000 - 60, nowMs / 1000 - 60)
  const directory = JSON.stringify(join(dir, 'bucket'))
  return { rules, objstore: `{type: FILESYSTEM, config: {directory: ${directory}}}` }
}

function run(
  argv: readonly string[],
  signal = new AbortController().signal,
  onHangup: CliContext['onHangup'] = () => {},
) {
  let [out, err] = ['', '']
  const context: CliContext = {
    env: {},
    now: Date.now,
    write: (text) => void (out += text),
    writeError: (text) => void (err += text),
    signal,
    killSignal: new AbortController().signal,
    onHangup,
  }
  const command = ruleCommand(context).configureOutput({ writeErr: context.writeError })
  const code = runCommand(command, argv, context.writeError)
  return code.then((exit) => ({ exit, out, err }))
}

describe('thaw rule', () => {
  it('--once evaluates what is due and says what it did', async () => {
    const { rules, objstore } = await makePlace()
    const sent: unknown[] = []
    const alertmanager = createServer((request, response) => {
      const pieces: Buffer[] = []
      request.on('data', (piece: Buffer) => pieces.push(piece))
      request.on('end', () => {
        sent.push(...(JSON.parse(Buffer.concat(pieces).toString()) as unknown[]))
        response.end()
      })
    })
    await new Promise<void>((resolve) => alertmanager.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void alertmanager.close())
    const { port } = alertmanager.address() as { port: number }
    const flags = ['--once', `--rule-file=${rules}`, `--objstore.config=${objstore}`]
    const { exit, out, err } = await run([...flags, `--alertmanagers.url=http://127.0.0.1:${port}`])
    expect({ exit, err }).toEqual({ exit: 0, err: '' })
    expect(out).toMatch(
      /^[567] evaluations of 1 group, 1\d rules, \d+ samples, \d+ alerts? sent, \d+ ms\n$/,
    )
    expect(sent.at(-1)).toMatchObject({
      labels: { alertname: 'Loaded', pod: 'a', cluster: 'eu', ruler: 'thaw' },
    })
    expect((await run(flags)).out).toMatch(/^[012] evaluations? of 1 group, /)
  })

  it('wants a bucket', async () => {
    const { exit, err } = await run(['--once'])
    expect(exit).not.toBe(0)
    expect(err).toContain('name the bucket with --objstore.config-file')
  })

  it('says what is wrong with a rule file, and takes Thanos’s flags', async () => {
    const { rules, objstore } = await makePlace()
    await writeFile(rules, 'groups: [{}]')
    const flags = ['--once', `--rule-file=${rules}`, `--objstore.config=${objstore}`]
    const { exit, out } = await run([
      ...flags,
      '--data-dir=/nowhere',
      '--query=http://q',
      '--log.level=error',
    ])
    expect(exit).toBe(0)
    expect(out).toContain('Groupname must not be empty')
  })

  it('goes on until it is stopped, tells of rules, and reads them again when it is told to', async () => {
    const { rules, objstore } = await makePlace()
    const stop = new AbortController()
    const probe = createServer()
    await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
    const { port } = probe.address() as { port: number }
    await new Promise((resolve) => probe.close(resolve))
    const url = `http://127.0.0.1:${port}`
    const flags = [`--rule-file=${rules}`, `--objstore.config=${objstore}`, '--log.level=error']
    let hangUp = (): void => {}
    const ended = run([...flags, `--http-address=127.0.0.1:${port}`], stop.signal, (listener) => {
      hangUp = listener
    })
    const text = async (path: string, init?: RequestInit): Promise<string> => {
      const response = await fetch(url + path, init).catch(() => undefined)
      return response ? `${response.status} ${await response.text()}` : ''
    }
    const until = async (path: string, part: string): Promise<void> => {
      for (let tries = 0; tries < 400; tries++) {
        if ((await text(path)).includes(part)) return
        await sleep(50)
      }
      expect(await text(path)).toContain(part)
    }
    try {
      await until('/api/v1/rules', '"name":"load:sum"')
      expect(await text('/-/healthy')).toMatch(/^200/)
      expect(await text('/-/ready')).toMatch(/^200/)
      await until('/metrics', `prometheus_rule_group_rules{rule_group="${rules};loads"} 2`)
      await writeFile(rules, RULES.replace('load:sum', 'load:total'))
      expect(await text('/-/reload')).toMatch(/^405/)
      expect(await text('/-/reload', { method: 'POST' })).toMatch(/^200/)
      await until('/api/v1/rules', '"name":"load:total"')
      await writeFile(rules, RULES.replace('load:sum', 'load:all'))
      hangUp()
      await until('/api/v1/rules', '"name":"load:all"')
      // Where a slot came in between, its series has ended with a stale marker, as its rule is gone.
      const recorded = await text('/api/v1/query?query=last_over_time(load:sum[1h])')
      expect(recorded).toContain('"ruler":"thaw"')
    } finally {
      stop.abort()
    }
    expect(await ended).toMatchObject({ exit: 0, err: '' })
  })
})
