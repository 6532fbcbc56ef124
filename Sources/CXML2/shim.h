#pragma once
#include <libxml/xmlversion.h>
// Debian's libxml2 is built with ICU and would drag ICU's headers in, which Foundation has in another version. Only the
// tables of HTML's entities and elements are used here, and those know nothing of ICU.
#undef LIBXML_ICU_ENABLED
#include <libxml/HTMLparser.h>
