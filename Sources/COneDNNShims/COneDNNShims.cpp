#include "COneDNNShims.h"
