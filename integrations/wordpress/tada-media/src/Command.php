<?php

declare(strict_types=1);

namespace Tada\WordPress;

/**
 * Keeps the media library in TADA.
 */
final class Command
{
    /**
     * Uploads all media that are not in TADA yet. It can be stopped, and begun again: nothing is done twice.
     *
     * ## OPTIONS
     *
     * [--dry-run]
     * : Only say what would be done.
     *
     * [--again]
     * : Also try files that TADA has refused before.
     *
     * @param list<string> $arguments
     * @param array<string, mixed> $options
     */
    public function backfill(array $arguments, array $options): void
    {
        Settings::isComplete() || \WP_CLI::error('Set the address of TADA and the namespace first.');
        $isDry = !empty($options['dry-run']);
        $counts = self::told(Job::run('backfill', $isDry, again: !empty($options['again'])));
        $waiting = $counts['waits'] ?? 0;
        $waiting && \WP_CLI::error("$waiting could not be uploaded. Run this again when TADA answers.");
        \WP_CLI::success('Done.');
    }

    /**
     * Brings all files back from TADA, with their sizes, and has posts name them. Do it before you remove the plugin.
     *
     * ## OPTIONS
     *
     * [--dry-run]
     * : Only say what would be done.
     *
     * @param list<string> $arguments
     * @param array<string, mixed> $options
     */
    public function restore(array $arguments, array $options): void
    {
        $isDry = !empty($options['dry-run']);
        $counts = self::told(Job::run('restore', $isDry));
        $isFailed = static fn (string $outcome) => str_starts_with($outcome, 'failed');
        $failed = array_sum(array_filter($counts, $isFailed, ARRAY_FILTER_USE_KEY));
        $failed && \WP_CLI::error("$failed could not be brought back. Posts are as they were.");
        $isDry || \WP_CLI::log(Restoring::posts() . ' posts changed');
        \WP_CLI::success('Done.');
    }

    /**
     * Tries again now what waits.
     */
    public function retry(): void
    {
        Queue::work(isAsked: true);
        $this->status();
    }

    /**
     * Says how many media are in TADA, and what waits.
     */
    public function status(): void
    {
        foreach (Status::counts() as $what => $count) {
            \WP_CLI::log("$what: $count");
        }
    }

    /**
     * @param \Generator<int, string> $outcomes
     * @return array<string, int>
     */
    private static function told(\Generator $outcomes): array
    {
        $counts = [];
        foreach ($outcomes as $id => $outcome) {
            $counts[$outcome] = ($counts[$outcome] ?? 0) + 1;
            if ($outcome !== 'same') {
                \WP_CLI::log("$id\t$outcome\t" . get_post_meta($id, '_wp_attached_file', true));
            }
        }
        foreach ($counts as $outcome => $count) {
            \WP_CLI::log("$count $outcome");
        }
        return $counts;
    }
}
