/** The files of the image `thaw` in a bare, read-only root, as nobody: all parts work, the health check says so, and a signal ends it well. */
import { readdir, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { lookUpBlocks } from '#lib/blocks/look-up-blocks.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { putRuleFile, RULE_FILES_PREFIX } from '#lib/rules/file/rule-files.ts'
import { keysOf } from '#test/agent/test-buckets.ts'
import { isMissing } from '#test/peer/cache.ts'
import { freePort } from '#test/peer/server.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'
import { every, labels, putBlock, testId } from '#test/store/sample-block.ts'
import { makeContainerRoot, type Running } from './support/container-root.ts'
import { chownAll } from './support/chown-all.ts'

const HOUR = 3_600_000
const RULES = `groups:
- name: loads
  interval: 10s
  query_offset: 0s
  rules: [{record: 'load:sum', expr: sum(load)}]
`

const root = await makeContainerRoot()

if (isMissing(root)) describeSkipped('the image in a bare root', root)
else {
  describe('the image in a bare root', () => {
    const running: Running[] = []
    afterAll(async () => {
      for (const { process, ended } of running) {
        process.kill('SIGKILL')
        await ended
      }
      await root.remove()
    })

    const start = (argv: readonly string[]): Running => {
      const one = root.start(argv)
      running.push(one)
      return one
    }
    const eventually = (fact: () => Promise<void>): Promise<void> =>
      vi.waitFor(fact, { timeout: 60_000, interval: 200 })

    it('merges, evaluates and answers, is healthy, and ends with 0 when it is told to', async () => {
      const bucket = fileBucket(root.bucket)
      const nowMs = Date.now()
      const startMs = Math.floor(nowMs / (8 * HOUR)) * 8 * HOUR - 16 * HOUR
      const spans = [0, 1, 2, 3].map((n) => [startMs + n * 2 * HOUR, 2 * HOUR] as const)
      for (const [n, [minTimeMs, ms]] of [...spans, [nowMs - HOUR / 2, HOUR] as const].entries()) {
        const maxTimeMs = minTimeMs + ms
        await putBlock(bucket, {
          id: testId(n + 1),
          minTimeMs,
          maxTimeMs,
          externalLabels: { cluster: 'a' },
          series: ['x', 'y'].map((host) => ({
            labels: labels({ __name__: 'load', host }),
            samples: every(15_000, minTimeMs, maxTimeMs, () => 2),
          })),
        })
      }
      await putRuleFile(bucket, 'loads.yaml', RULES)
      const then = nowMs / 1000 - 60
      await utimes(join(root.bucket, RULE_FILES_PREFIX, 'loads.yaml'), then, then)
      await chownAll(root.bucket, 65_534)

      const port = await freePort()
      const url = `http://127.0.0.1:${port}`
      const { entrypoint, healthcheck } = root.image
      const check = healthcheck.map((word) => word.replace(':10902/', `:${port}/`))
      expect(await start(check).ended).toBe(1)
      const served = start([
        ...entrypoint,
        'serve',
        '--objstore.config-file=/etc/thaw/bucket.yml',
        `--http-address=127.0.0.1:${port}`,
        '--query.workers=1',
        '--memory.limit=1GiB',
        '--compact.flags=--consistency-delay=0s',
        '--rule.flags=--eval-interval=10s',
      ])
      await eventually(async () => {
        if (served.process.exitCode !== null) throw new Error(served.log())
        expect((await fetch(`${url}/-/ready`)).status).toBe(200)
      })
      expect(await start(check).ended).toBe(0)
      const ask = async (query: string): Promise<string> =>
        (await fetch(`${url}/api/v1/query?query=${encodeURIComponent(query)}`)).text()
      await eventually(async () => {
        const { blocks } = await lookUpBlocks(bucket, { now: Date.now })
        expect(blocks.filter(({ level }) => level === 2)).toHaveLength(1)
        expect(await ask('load:sum{ruler="thaw"}')).toContain(',"4"]')
        // Four times two hours, and the last half hour: of each sample one.
        expect(await ask('count_over_time(load{host="x"}[25h])')).toMatch(/,"20\d\d"\]/)
      })
      served.process.kill('SIGTERM')
      expect({ code: await served.ended, log: served.log() }).toEqual({
        code: 0,
        log: expect.not.stringMatching(/level=(warn|error)/) as string,
      })
      expect((await keysOf(bucket)).filter((key) => key.startsWith('thaw/lease/'))).toEqual([])
      expect((await readdir(root.dir)).sort()).not.toContain('tmp')
    }, 180_000)

    it('can not write anywhere else', async () => {
      const code =
        "for (const d of ['/', '/etc/thaw/', '/usr/lib/thaw/']) { try { fs.writeFileSync(d + 'x', ''); console.log('wrote', d) } catch (e) { console.log(e.code) } } console.log(process.getuid())"
      const { ended, log } = start(['node', '-e', code])
      expect(await ended).toBe(0)
      expect(log().trim().split('\n')).toEqual(['EROFS', 'EROFS', 'EROFS', '65534'])
    })

    it('says what is wrong with its bucket, and ends', async () => {
      const { ended, log } = start([
        ...root.image.entrypoint,
        'serve',
        '--objstore.config-file=/no',
      ])
      expect(await ended).toBe(1)
      expect(log()).toMatch(/^thaw: --objstore.config-file: ENOENT/)
    })
  })
}
