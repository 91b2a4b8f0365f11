/* version.h - the version that proxyd -v, proxyctl version and the status page tell. */
#pragma once

#define PROXYD_VERSION	"0.1.0"
