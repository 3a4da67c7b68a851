/** Lines that the help of a command shows, as they are typed. */
export const EXAMPLES: Record<string, readonly string[]> = {
  up: [
    'npm run up',
    'npm run up -- --stack docker',
    'npm run up -- --stack prod --config-file team.yaml',
  ],
  plan: [
    'npm run plan',
    'npm run plan -- --stack prod --node memory=64GiB,cpu=16,gpu=2xL40S',
    'npm run plan -- --stack prod --cluster --html plan.html',
  ],
  preview: ['npm run preview -- --stack docker'],
  render: ['npm run render -- --stack prod --out manifests'],
  down: ['npm run down', 'npm run down -- --stack docker --purge'],
  status: ['npm run status', 'npm run -s status -- --stack docker --json'],
  models: [
    'npm run models',
    'npm run models -- --stack prod --write-lock',
    'npm run models -- --prune',
  ],
  images: ['npm run images -- --stack docker'],
  mirror: ['npm run mirror -- --port 5000'],
  verify: ['npm run verify', 'npm run verify -- --stack docker --deep --junit report.xml'],
  reshard: [
    'npm run reshard -- --shards 16 --dry-run',
    'npm run reshard -- --shards 16 --rate 200',
  ],
  backup: [
    'npm run backup -- --to backups',
    'npm run backup -- --to s3://bucket/prefix --creator ada',
  ],
  restore: [
    'npm run restore -- --from backups/ARCHIVE',
    'npm run restore -- --from backups/ARCHIVE --creator ada',
  ],
  forget: ['npm run forget -- --creator ada'],
  diagnose: ['npm run diagnose', 'npm run diagnose -- --stack docker --out help.tar.gz'],
  doctor: ['npm run doctor', 'npm run doctor -- --fix'],
  api: ['npm run api -- --port 9000'],
  token: [
    'npm run -s token -- --creator ada',
    'npm run -s token -- --service --minutes 60',
    'npm run token -- --revoke --creator ada',
  ],
}
