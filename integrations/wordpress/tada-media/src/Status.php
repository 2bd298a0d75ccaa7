<?php

declare(strict_types=1);

namespace Tada\WordPress;

/** Says what is in TADA, what waits and why: at the settings, in the media library, and as a notice. */
final class Status
{
    private const SCREENS = ['upload', 'media', 'dashboard', 'attachment'];

    public static function register(string $plugin): void
    {
        add_action('admin_notices', [self::class, 'notice']);
        add_filter('manage_media_columns', static fn (array $columns) => $columns + ['tada_media' => 'TADA']);
        add_action('manage_media_custom_column', [self::class, 'column'], 10, 2);
        add_action("after_plugin_row_$plugin", [self::class, 'beforeRemoval']);
    }

    /** @return array<string, int> */
    public static function counts(): array
    {
        return [
            'in TADA' => self::count(Asset::UUID),
            'waiting' => self::count(Upload::WAITING),
            'refused' => self::count(Upload::REFUSED),
            'deletions waiting' => count(Following::deletions()),
            'media' => self::count(null),
        ];
    }

    private static function count(?string $key): int
    {
        $query = new \WP_Query([
            'post_type' => 'attachment',
            'post_status' => ['inherit', 'private', 'trash'],
            'posts_per_page' => 1,
            'fields' => 'ids',
            'meta_query' => $key === null ? [] : [['key' => $key, 'compare' => 'EXISTS']],
        ]);
        return $query->found_posts;
    }

    public static function show(): void
    {
        echo '<h2>', esc_html__('Media', 'tada-media'), '</h2><ul class="ul-disc">';
        foreach (self::counts() as $what => $count) {
            echo '<li>', esc_html(number_format_i18n($count) . " $what"), '</li>';
        }
        echo '</ul>';
        $job = get_option(Queue::JOB);
        if (is_array($job)) {
            $what = $job['kind'] === 'restore' ? 'Files are being brought back' : 'Earlier media are being uploaded';
            $counts = "{$job['done']} done, {$job['failed']} failed";
            echo '<p>', esc_html("$what: $counts. WP-Cron goes on with it."), '</p>';
        }
        echo '<p>';
        SettingsPage::button('backfill', 'Upload earlier media', 'primary');
        SettingsPage::button('retry', 'Try again now');
        SettingsPage::button('restore', 'Bring all files back');
        echo '</p><p class="description">', esc_html('Bring all files back before you remove the plugin, if TADA will '
            . 'not be there any more, or if files were not kept here. It makes the sizes that WordPress keeps, and has '
            . 'posts name the files on this server.'), '</p>';
    }

    /** Nothing is lost, but somebody has to know. */
    public static function notice(): void
    {
        $screen = get_current_screen();
        $isSettings = $screen && str_ends_with($screen->id, SettingsPage::SLUG);
        $isOurs = $isSettings || ($screen && in_array($screen->base, self::SCREENS, true));
        if (!$isOurs || !current_user_can('upload_files')) {
            return;
        }
        if (!Settings::isComplete()) {
            self::say('warning', 'TADA Media does nothing until the address of TADA and the namespace are set.');
            return;
        }
        $ids = Queue::waiting(false);
        if ($ids) {
            $why = get_post_meta($ids[0], Upload::ERROR, true)['message'] ?? '';
            $next = wp_next_scheduled(Queue::HOOK);
            $when = $next ? ' The next attempt is in ' . human_time_diff(time(), max(time(), $next)) . '.' : '';
            $count = count($ids);
            $what = sprintf(_n('%d file waits for TADA', '%d files wait for TADA', $count, 'tada-media'), $count);
            self::say('warning', "$what, and is kept on this server until then. $why$when");
        }
    }

    private static function say(string $type, string $text): void
    {
        echo '<div class="notice notice-', esc_attr($type), '"><p>', esc_html($text);
        if (current_user_can('manage_options')) {
            echo ' <a href="', esc_url(SettingsPage::address()), '">', esc_html__('Settings', 'tada-media'), '</a>';
        }
        echo '</p></div>';
    }

    public static function column(string $column, int $id): void
    {
        if ($column !== 'tada_media') {
            return;
        }
        $error = get_post_meta($id, Upload::ERROR, true);
        $asset = Asset::of($id);
        $state = match (true) {
            (bool) get_post_meta($id, Upload::WAITING, true) => 'waits',
            (bool) get_post_meta($id, Upload::REFUSED, true) => 'refused',
            (bool) $asset => 'yes',
            default => '–',
        };
        echo esc_html($state);
        if (!empty($error['message'])) {
            echo '<br><small>', esc_html($error['message']), '</small>';
        }
    }

    /** Who deactivates the plugin loses pictures whose files are in TADA alone. */
    public static function beforeRemoval(): void
    {
        if (Settings::get('keep_local') || !self::counts()['in TADA']) {
            return;
        }
        echo '<tr class="plugin-update-tr active"><td colspan="4" class="plugin-update"><div class="update-message ',
            'notice inline notice-warning notice-alt"><p>';
        echo esc_html('Some files are in TADA alone. Bring them back before you deactivate this plugin: ');
        echo '<a href="', esc_url(SettingsPage::address()), '">', esc_html__('Settings', 'tada-media');
        echo '</a></p></div></td></tr>';
    }
}
