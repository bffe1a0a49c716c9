import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import { describe, expect, it } from 'vitest'

import { startCloud } from '#localstack/cloud/embedded-cloud.ts'
import { listenOnLoopback } from '#localstack/cloud/loopback.ts'

import { alive, startTinyCloud, until, writeAssembly } from './tiny-stack.ts'

const STACK = {
  functions: {
    quick: { code: `export const handler = async () => process.pid` },
    hangs: {
      code: `export const handler = async () => new Promise(() => setInterval(() => {}, 1000))`,
    },
  },
}

describe('the end of the cloud', () => {
  it('leaves no process, frozen or busy', async () => {
    const cloud = await startTinyCloud(STACK)
    await cloud.invoke('quick', {})
    const hanging = cloud.invoke('hangs', {})
    await until(() => cloud.pids().length === 2)
    const pids = cloud.pids()
    await cloud[Symbol.asyncDispose]()
    expect(pids.map(alive)).toEqual([false, false])
    expect((await hanging).failure?.type).toBe('Runtime.ExitError')
    await expect(cloud.invoke('quick', {})).rejects.toThrow('the cloud has stopped')
    await expect(fetch(cloud.awsUrl)).rejects.toThrow('fetch failed')
  })

  it.each(['its own process is', 'its whole process group is'])(
    'leaves no process when %s killed',
    async (what) => {
      const assemblyDir = writeAssembly(STACK)
      const child = spawn(
        process.execPath,
        [fileURLToPath(new URL('cloud-process.ts', import.meta.url)), assemblyDir],
        { stdio: ['ignore', 'pipe', 'inherit'], detached: true },
      )
      const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
      const pids = JSON.parse(line) as number[]
      expect(pids).toHaveLength(2)
      expect(pids.map(alive)).toEqual([true, true])
      process.kill(what.includes('group') ? -child.pid! : child.pid!, 'SIGKILL')
      await until(() => !pids.some(alive))
      rmSync(assemblyDir, { recursive: true })
    },
  )
})

describe('the start of the cloud', () => {
  it('fails on a port that is taken', async () => {
    const other = createServer()
    const port = await listenOnLoopback(other, 0)
    await expect(startTinyCloud(STACK, { httpPort: port })).rejects.toThrow(
      'is in use, end what has it or choose another with --port',
    )
    other.close()
  })

  it('fails without an assembly', async () => {
    await expect(startCloud({ assemblyDir: '/nowhere' })).rejects.toThrow('ENOENT')
  })

  it('fails on an intrinsic function that it does not know', async () => {
    const properties = { Environment: { Variables: { A: { 'Fn::Cidr': ['10.0.0.0/16', 1] } } } }
    await expect(
      startTinyCloud({ functions: { quick: { ...STACK.functions.quick, properties } } }),
    ).rejects.toThrow('intrinsic function Fn::Cidr is not known here')
  })
})
