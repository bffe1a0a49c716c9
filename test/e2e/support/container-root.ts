/** The files of an image in a bare directory, and programs that run in it as in a container: read-only root, no rights, nobody. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { chmod, chown, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { bundleThaw } from '#packaging/bundle-thaw.ts'
import { findOnPath, type Missing } from '#test/peer/cache.ts'

const run = promisify(execFile)

const NOBODY = 65_534

export interface ContainerRoot {
  readonly dir: string
  /** Of the image `thaw`. */
  readonly image: Image
  /** Seen as /bucket, the only place that may be written to. */
  readonly bucket: string
  readonly start: (argv: readonly string[]) => Running
  readonly remove: () => Promise<void>
}

export interface Image {
  readonly entrypoint: readonly string[]
  readonly healthcheck: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

export interface Running {
  readonly process: ChildProcess
  readonly log: () => string
  readonly ended: Promise<number | null>
}

export async function makeContainerRoot(): Promise<ContainerRoot | Missing> {
  if (process.getuid?.() !== 0) return { missing: 'only root may change the root of a process' }
  for (const tool of ['unshare', 'chroot', 'mount', 'ldd']) {
    if ((await findOnPath(tool)) === undefined) return { missing: `${tool} is not on the PATH` }
  }
  try {
    await run('unshare', ['--mount', 'true'])
  } catch (error) {
    return { missing: `no namespace of mounts is to be had: ${(error as Error).message}` }
  }
  const dir = await mkdtemp(join(tmpdir(), 'thaw-container-'))
  const root = join(dir, 'root')
  const bucket = join(dir, 'bucket')
  for (const place of ['bucket', 'proc', 'etc/thaw', 'usr/lib/thaw', 'usr/bin']) {
    await mkdir(join(root, place), { recursive: true })
  }
  await mkdir(bucket)
  await chown(bucket, NOBODY, NOBODY)
  await chmod(dir, 0o755)
  await copyNode(root)
  for (const [name, text] of await bundleThaw()) {
    await writeFile(join(root, 'usr/lib/thaw', name), text)
  }
  await writeFile(
    join(root, 'etc/thaw/bucket.yml'),
    'type: FILESYSTEM\nconfig:\n  directory: /bucket\n',
  )
  const image = await readImage()
  return {
    dir: root,
    bucket,
    image,
    start: (argv) => start({ root, bucket, image, argv }),
    remove: () => rm(dir, { recursive: true, force: true }),
  }
}

/** This Node and the libraries that it is linked with, in place of those of the base image. */
async function copyNode(root: string): Promise<void> {
  await copyFile(process.execPath, join(root, 'usr/bin/node'))
  const { stdout } = await run('ldd', [process.execPath])
  for (const [, path] of stdout.matchAll(/(\/\S+) \(0x/g)) {
    await mkdir(join(root, dirname(path!)), { recursive: true })
    await copyFile(path!, join(root, path!))
  }
}

async function readImage(): Promise<Image> {
  const text = await readFile('packaging/Containerfile', 'utf8')
  const stage = text.slice(text.indexOf(' AS thaw\n')).replaceAll(/\\\n\s*/g, '')
  const words = (instruction: RegExp): string[] =>
    JSON.parse(instruction.exec(stage)![1]!) as string[]
  const env = /^ENV (.*)$/m
    .exec(stage)![1]!
    .split(' ')
    .map((pair) => pair.split('=') as [string, string])
  return {
    entrypoint: words(/^ENTRYPOINT (\[.*\])$/m),
    healthcheck: words(/^HEALTHCHECK .* CMD (\[.*\])$/m),
    env: Object.fromEntries(env),
  }
}

/** `exec` all along, so that signals reach the program. */
const ENTER = `
set -e
mount --make-rprivate /
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
mount --bind "$2" "$1/bucket"
mount --rbind /proc "$1/proc"
root=$1
shift 2
exec chroot --userspec=${NOBODY}:${NOBODY} "$root" "$@"
`

function start({
  root,
  bucket,
  image,
  argv,
}: {
  readonly root: string
  readonly bucket: string
  readonly image: Image
  readonly argv: readonly string[]
}): Running {
  const enter = ['--mount', '/bin/sh', '-c', ENTER, 'enter', root, bucket]
  const child = spawn('unshare', [...enter, ...argv], {
    // The root has only what is in its own /usr/bin; what enters it needs ours.
    env: { ...image.env, HOME: '/', PATH: `/usr/bin:${process.env['PATH'] ?? ''}` },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (log += text))
  }
  return {
    process: child,
    log: () => log,
    ended: new Promise((resolve) => child.on('close', resolve)),
  }
}
