#!/usr/bin/env node
/**
 * The way in, on any Node from 20 on: sees to it that the dependencies are those of the lock file and that there is a Node that
 * runs TypeScript, and then runs `cli/main.ts` under it, or the file that `--run` names.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const BIN = join(ROOT, 'node_modules', '.bin')
const OWN_NODE = join(ROOT, 'node_modules', 'node', 'bin', 'node')

/** The first version that runs TypeScript without a warning. */
const MINIMUM = [24, 12]

const [first, second, ...others] = process.argv.slice(2)
const target = first === '--run' ? resolve(second ?? '') : join(ROOT, 'cli', 'main.ts')
const args = first === '--run' ? others : process.argv.slice(2)

if (!dependenciesMatch()) install()
const current = process.versions.node.split('.').map(Number)
const recent = current[0] > MINIMUM[0] || (current[0] === MINIMUM[0] && current[1] >= MINIMUM[1])
process.env.PATH = [BIN, process.env.PATH].join(delimiter)

if (recent) {
  process.argv = [process.execPath, target, ...args]
  await import(pathToFileURL(target).href)
} else {
  // The package brings its binary by an install script, and those are off in .npmrc.
  if (!existsSync(OWN_NODE))
    orExit(npm('fetching node 24', 'rebuild', 'node', '--ignore-scripts=false'))
  run(OWN_NODE, [target, ...args])
}

/** Compares what npm says it installed with the lock file. Optional packages are of other platforms when they are absent. */
function dependenciesMatch() {
  const installed = packagesOf(join(ROOT, 'node_modules', '.package-lock.json'))
  const wanted = packagesOf(join(ROOT, 'package-lock.json'))
  if (installed === undefined || wanted === undefined) return wanted === undefined
  return Object.entries(wanted).every(([path, { version, integrity, optional }]) => {
    if (path === '') return true
    const found = installed[path]
    if (found === undefined) return optional === true
    return found.version === version && found.integrity === integrity
  })
}

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages
  } catch {
    return undefined
  }
}

/**
 * A lock file that was written where some platforms' packages could not be had lacks them, and `npm ci` refuses it, though none
 * of them is needed here; `npm install` does not.
 */
function install() {
  const quiet = ['--no-audit', '--no-fund']
  if (npm('installing dependencies', 'ci', ...quiet) === undefined) return
  orExit(npm('installing in spite of the lock file', 'install', '--no-save', ...quiet))
}

/** Returns what npm complained about, undefined when it did not fail. */
function npm(what, ...npmArgs) {
  console.error(`thaw: ${what} (npm ${npmArgs[0]})`)
  const started = performance.now()
  const script = process.env.npm_execpath
  const [command, ...prefix] = script?.endsWith('.js') ? [process.execPath, script] : ['npm']
  const { status, error, stderr } = spawnSync(
    command,
    [...prefix, ...npmArgs, '--loglevel=error'],
    {
      cwd: ROOT,
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    },
  )
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.error(`thaw: ${status === 0 ? 'done' : 'failed'} after ${seconds} s`)
  return status === 0 ? undefined : `npm ${npmArgs.join(' ')}: ${error?.message ?? stderr}`
}

function orExit(complaint) {
  if (complaint === undefined) return
  console.error(`thaw: ${complaint}`)
  process.exit(1)
}

function run(command, commandArgs) {
  const child = spawn(command, commandArgs, { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // A terminal has sent its Ctrl-C to the child already, and a second one may mean "at once".
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }
  child.on('error', (error) => {
    console.error(`thaw: ${command}: ${error.message}`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    process.exit(signal === null ? code : 128 + constants.signals[signal])
  })
}
