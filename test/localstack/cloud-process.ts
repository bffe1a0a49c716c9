/** A process with a cloud that has one frozen and one busy environment, whose process ids it prints. */
import { startCloud } from '#localstack/cloud/embedded-cloud.ts'

const cloud = await startCloud({ assemblyDir: process.argv[2] ?? '' })
await cloud.invoke('quick', {})
void cloud.invoke('hangs', {})
while (cloud.pids().length < 2) await new Promise((resolve) => setTimeout(resolve, 10))
console.log(JSON.stringify(cloud.pids()))
