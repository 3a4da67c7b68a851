import { z } from 'zod'
import { deployedSettingsOf } from '../../infra/settings/home-paths.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import type { StackFile } from '../../infra/settings/settings-file.ts'
import { changeJsonRecord, readJsonIfSound } from '../json-record.ts'

const Recorded = z.record(z.string(), z.unknown())

/** The settings that the stack was last deployed with from this machine; undefined where it was not. */
export const deployedSettings = (
  settings: Settings,
): Promise<Record<string, unknown> | undefined> =>
  readJsonIfSound(deployedSettingsOf(settings.home), Recorded)

/** Secrets are in it as the stack's file has them: encrypted. A disk that is full makes no deployment fail. */
export const recordSettings = ({ settings, configured }: StackFile): Promise<void> =>
  changeJsonRecord(deployedSettingsOf(settings.home), Recorded, () => configured).catch(
    () => undefined,
  )
