<?php

/**
 * Removes the settings, with the token and the key.
 *
 * What is known of each attachment stays, and so do the assets in TADA: addresses in posts go on working, and the
 * plugin finds everything again if it is installed anew.
 */

declare(strict_types=1);

defined('WP_UNINSTALL_PLUGIN') || exit;

foreach (['tada_media', 'tada_media_service', 'tada_media_work', 'tada_media_error'] as $option) {
    delete_option($option);
}
wp_clear_scheduled_hook('tada_media_work');
