<?php

declare(strict_types=1);

namespace Tada\WordPress;

use Tada\Media\TadaError;

/** What could not be done at once is done by WP-Cron, a few seconds at a time. */
final class Queue
{
    public const HOOK = 'tada_media_work';
    /** The job that goes through all attachments, and how far it is. */
    public const JOB = 'tada_media_work';
    private const SECONDS = 20;
    private const USUAL = 300;

    public static function register(): void
    {
        add_action(self::HOOK, [self::class, 'work']);
    }

    public static function start(): void
    {
        self::wake(self::USUAL);
    }

    public static function stop(): void
    {
        wp_clear_scheduled_hook(self::HOOK);
    }

    /** Have the work go on in some seconds, or before. */
    public static function wake(int $seconds): void
    {
        $next = wp_next_scheduled(self::HOOK);
        if ($next && $next > time() + $seconds) {
            wp_clear_scheduled_hook(self::HOOK);
        }
        if (!$next || $next > time() + $seconds) {
            wp_schedule_single_event(time() + $seconds, self::HOOK);
        }
    }

    /** @return list<int> the attachments that wait, and only those whose time has come */
    public static function waiting(bool $isDue = true): array
    {
        return get_posts([
            'post_type' => 'attachment',
            'post_status' => ['inherit', 'private', 'trash'],
            'numberposts' => $isDue ? 200 : -1,
            'orderby' => 'ID',
            'order' => 'ASC',
            'fields' => 'ids',
            'meta_query' => [[
                'key' => Upload::WAITING,
                'value' => $isDue ? time() : PHP_INT_MAX,
                'compare' => '<=',
                'type' => 'UNSIGNED',
            ]],
        ]);
    }

    /** Begin a job, `backfill` or `restore`. */
    public static function begin(string $kind): void
    {
        update_option(self::JOB, ['kind' => $kind, 'page' => 1, 'done' => 0, 'failed' => 0], false);
        self::wake(0);
    }

    /** Do what is due, for some seconds; then once more if there is more. */
    public static function work(bool $isAsked = false): void
    {
        require_once ABSPATH . 'wp-admin/includes/class-wp-upgrader.php';
        if (!\WP_Upgrader::create_lock(self::HOOK, 10 * MINUTE_IN_SECONDS)) {
            self::wake(60);
            return;
        }
        try {
            $until = time() + self::SECONDS;
            $isGood = self::retry(self::waiting(!$isAsked), $until) && self::sendDeletions();
            $hasMore = $isGood && self::goOn($until);
        } finally {
            \WP_Upgrader::release_lock(self::HOOK);
        }
        if ($hasMore || ($isGood && self::waiting())) {
            self::wake(1);
        } elseif (!$isGood || self::waiting(false) || get_option(self::JOB)) {
            self::wake(60);
        }
    }

    /**
     * Return false if TADA is away: then nothing more is tried.
     *
     * @param list<int> $ids
     */
    private static function retry(array $ids, int $until): bool
    {
        foreach ($ids as $id) {
            if (time() >= $until) {
                break;
            }
            if (Upload::one($id) === 'waits') {
                return false;
            }
        }
        return true;
    }

    private static function sendDeletions(): bool
    {
        try {
            Following::sendDeletions();
            return true;
        } catch (TadaError) {
            return false;
        }
    }

    /** Go on with the job that was begun, page by page. Returns whether there is more. */
    private static function goOn(int $until): bool
    {
        $job = get_option(self::JOB);
        if (!is_array($job)) {
            return false;
        }
        $at = 0;
        foreach (Job::run($job['kind'], page: $job['page']) as $outcome) {
            $isBad = $outcome === 'waits' || str_starts_with($outcome, 'failed');
            $job[$isBad ? 'failed' : 'done']++;
            if (++$at % 100 === 0) {
                $job['page']++;
                update_option(self::JOB, $job, false);
                if (time() >= $until) {
                    return true;
                }
            }
        }
        if (Upload::isAway()) {
            return false;
        }
        if ($job['kind'] === 'restore' && $job['failed'] === 0) {
            Restoring::posts();
        }
        delete_option(self::JOB);
        return false;
    }
}
