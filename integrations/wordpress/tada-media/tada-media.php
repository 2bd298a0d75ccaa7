<?php
/**
 * Plugin Name: TADA Media
 * Description: Keeps the media library in TADA, a self-hosted media service: uploads go there, sizes are addresses.
 * Version: 1.0.0
 * Requires at least: 6.0
 * Requires PHP: 8.1
 * License: MIT
 * Text Domain: tada-media
 *
 * @package tada-media
 */

declare(strict_types=1);

namespace Tada\WordPress;

defined('ABSPATH') || exit;

spl_autoload_register(static function (string $class): void {
    foreach (['Tada\\WordPress\\' => 'src', 'Tada\\Media\\' => 'lib'] as $namespace => $folder) {
        $file = __DIR__ . "/$folder/" . strtr(substr($class, strlen($namespace)), '\\', '/') . '.php';
        if (str_starts_with($class, $namespace) && is_file($file)) {
            require $file;
        }
    }
});

if (!extension_loaded('curl')) {
    add_action('admin_notices', static function (): void {
        $needed = __('TADA Media needs the PHP extension curl.', 'tada-media');
        echo '<div class="notice notice-error"><p>', esc_html($needed), '</p></div>';
    });
    return;
}

register_activation_hook(__FILE__, [Queue::class, 'start']);
register_deactivation_hook(__FILE__, [Queue::class, 'stop']);

Following::register();
Delivery::register();
Content::register();
Queue::register();
if (is_admin()) {
    SettingsPage::register(plugin_basename(__FILE__));
    Status::register(plugin_basename(__FILE__));
}
if (defined('WP_CLI') && WP_CLI) {
    \WP_CLI::add_command('tada-media', Command::class);
}
