// Command line of the migration runner: npm run migrate, with DATABASE_URL in the environment.
import { migrate } from './runner.ts';

const url = process.env.DATABASE_URL;
if (!url) {
  console.error(
    'DATABASE_URL is not set. Example: DATABASE_URL=postgres://user:password@host:5432/name npm run migrate',
  );
  process.exit(1);
}
try {
  const { applied, alreadyAppliedCount } = await migrate({ url });
  for (const name of applied) console.log(`applied ${name}`);
  console.log(`${applied.length} applied now, ${alreadyAppliedCount} before`);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
