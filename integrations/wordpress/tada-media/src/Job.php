<?php

declare(strict_types=1);

namespace Tada\WordPress;

use Tada\Media\TadaError;

/**
 * Goes through all attachments: `backfill` uploads them, `restore` brings them back.
 *
 * What was done is with each attachment, so a job that was stopped goes on, and a second one does nothing twice. It
 * ends early if TADA is away.
 */
final class Job
{
    public const KINDS = ['backfill', 'restore'];
    private const PAGE = 100;

    private static bool $isRunning = false;

    /** Whether this request is one that goes through all attachments. */
    public static function isRunning(): bool
    {
        return self::$isRunning;
    }

    /**
     * Yield what became of each attachment from a page on, by its id.
     *
     * @return \Generator<int, string>
     */
    public static function run(string $kind, bool $isDry = false, int $page = 1, bool $again = false): \Generator
    {
        self::$isRunning = true;
        try {
            for (; $ids = self::page($page); $page++) {
                foreach ($ids as $id) {
                    $isBack = $kind === 'restore';
                    yield $id => $isBack ? self::restored($id, $isDry) : self::uploaded($id, $isDry, $again);
                    if (Upload::isAway()) {
                        return;
                    }
                }
                // Otherwise all of a large library would be in memory in the end.
                wp_cache_flush_runtime();
            }
        } finally {
            self::$isRunning = false;
        }
    }

    /** @return list<int> */
    public static function page(int $page): array
    {
        return get_posts([
            'post_type' => 'attachment',
            'post_status' => ['inherit', 'private', 'trash'],
            'numberposts' => self::PAGE,
            'paged' => $page,
            'orderby' => 'ID',
            'order' => 'ASC',
            'fields' => 'ids',
        ]);
    }

    private static function uploaded(int $id, bool $isDry, bool $again): string
    {
        if ($again && !$isDry) {
            Upload::forgive($id);
        }
        $outcome = $isDry ? self::foretold($id, $again) : Upload::one($id);
        if (!$isDry && in_array($outcome, Upload::DONE, true) && !Settings::get('keep_local')) {
            Restoring::removeFiles($id);
        }
        return $outcome;
    }

    private static function foretold(int $id, bool $again): string
    {
        $path = Upload::source($id, wp_get_attachment_metadata($id, true) ?: []);
        if ($path === null) {
            return Asset::of($id) ? 'same' : 'no file';
        }
        $sha256 = (string) hash_file('sha256', $path);
        $types = Settings::service()['types'] ?: Settings::meet(Settings::client())['media_types'];
        return match (true) {
            (bool) Asset::of($id)?->isOf($sha256) => 'same',
            !in_array(get_post_mime_type($id), $types, true) => 'not taken',
            !$again && get_post_meta($id, Upload::REFUSED, true) === $sha256 => 'refused',
            default => 'would be ' . (Asset::of($id) ? 'replaced' : 'uploaded'),
        };
    }

    private static function restored(int $id, bool $isDry): string
    {
        if (!Asset::of($id)) {
            return 'not in TADA';
        }
        if ($isDry) {
            return is_file((string) get_attached_file($id, true)) ? 'is here' : 'would be brought back';
        }
        try {
            Restoring::whole($id);
            return 'is here';
        } catch (\RuntimeException $error) {
            $error instanceof TadaError && Upload::noteAway($error);
            return "failed: {$error->getMessage()}";
        }
    }
}
