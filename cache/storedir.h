/* storedir.h - the files of stores in the cache's directory (cache_path). */
#pragma once
#include <stdint.h>

/* Removes all but one number's (0: all); who has one open keeps it until he closes it. */
void	storedir_remove(const char *dir, uint32_t but);
/* The highest number there is; 0: none. */
uint32_t storedir_highest(const char *dir);
