import { askEngine } from '../../../provision/docker/docker-engine.ts'

/** Asks the Engine as whoever runs this, and prints what is said to that. */
const failure = await askEngine(docker => docker.ping()).catch(error => error)
console.log(failure.text ?? 'answered')
