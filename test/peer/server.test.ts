import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { answers, freePort, startServer } from '#test/peer/server.ts'

const SERVER = `
  const port = Number(process.argv.at(-1))
  require('node:http').createServer((_, response) => response.end('ok')).listen(port, '127.0.0.1')
  process.on('SIGTERM', () => process.exit(0))
  console.log('listening')`

describe('startServer', () => {
  it('waits until the server is ready, keeps its log and stops it', async () => {
    const port = await freePort()
    const server = await startServer({
      file: process.execPath,
      args: ['--eval', SERVER, String(port)],
      ready: () => answers(`http://127.0.0.1:${port}/`),
    })
    expect(server.log()).toBe('listening\n')
    await server.stop()
    await server.ended
    await expect(answers(`http://127.0.0.1:${port}/`)).rejects.toThrow('fetch failed')
  })

  it('knows the process of the server itself, which can be killed', async () => {
    const port = await freePort()
    const server = await startServer({
      file: process.execPath,
      args: ['--eval', SERVER, String(port)],
      ready: () => answers(`http://127.0.0.1:${port}/`),
    })
    process.kill(server.pid, 'SIGKILL')
    await server.ended
    await expect(answers(`http://127.0.0.1:${port}/`)).rejects.toThrow('fetch failed')
  })

  it('says what a server printed that ends before it is ready', async () => {
    const start = startServer({
      file: '/bin/sh',
      args: ['-c', 'echo no license; exit 3'],
      ready: async () => false,
    })
    await expect(start).rejects.toThrow('/bin/sh ended before it was ready:\nno license\n')
  })

  it('ends the server when the process that started it is killed', async () => {
    const port = await freePort()
    const path = fileURLToPath(new URL('server.ts', import.meta.url))
    const program = `
      import { answers, startServer } from ${JSON.stringify(path)}
      await startServer({
        file: process.execPath,
        args: ['--eval', ${JSON.stringify(SERVER)}, '${port}'],
        ready: () => answers('http://127.0.0.1:${port}/'),
      })
      process.stdout.write('up')
      setInterval(() => undefined, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    expect(await answers(`http://127.0.0.1:${port}/`)).toBe(true)
    child.kill('SIGKILL')
    while (await answers(`http://127.0.0.1:${port}/`).catch(() => false)) await sleep(20)
  })
})
