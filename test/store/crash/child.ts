// Does the work argv[4] on the stores in folder argv[2] and kills itself before step argv[3] (0: never), telling each acknowledgement
// first.
import { writeSync } from 'node:fs'
import { nodeFs } from '../../../gateway/store/fs.ts'
import { openNodeStores } from '../../../gateway/store/node-stores.ts'
import { mountDeleteCollect, type ToldOfCollecting } from './collecting.ts'
import { fsWithSteps, sqlWithSteps } from './steps.ts'
import { publishLists, pushContent, type Told } from './work.ts'

const [, , folder = '', last = '0', work = 'push'] = process.argv
let steps = 0
const step = () => {
  steps++
  if (steps === Number(last)) process.kill(process.pid, 'SIGKILL')
}
const tell = (told: Told | ToldOfCollecting) => {
  step()
  writeSync(1, `${JSON.stringify(told)}\n`)
}
const stores = await openNodeStores(folder, {
  fs: fsWithSteps(nodeFs, step),
  aroundSql: (sql) => sqlWithSteps(sql, step),
})
if (work === 'collect') await mountDeleteCollect(stores, tell)
else {
  await pushContent(stores, 1, tell)
  await publishLists(stores, 1, tell)
}
await stores.close()
writeSync(2, `${steps}`)
